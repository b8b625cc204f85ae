/** Writes netlink messages and attributes the way the kernel does, for tests of their readers. From the kernel's headers. */

const NESTED = 0x8000;

export function attribute(type: number, value: Uint8Array): Buffer {
  const header = Buffer.alloc(4);
  header.writeUInt16LE(value.length + 4, 0);
  header.writeUInt16LE(type, 2);
  return Buffer.concat([header, value, padding(value.length)]);
}

export function nested(type: number, ...attributes: readonly Buffer[]): Buffer {
  return attribute(type | NESTED, Buffer.concat(attributes));
}

/** A message of any type; `flags` as in nlmsghdr. */
export function message(type: number, payload: Uint8Array, flags = 2): Buffer {
  const header = Buffer.alloc(16);
  header.writeUInt32LE(16 + payload.length, 0);
  header.writeUInt16LE(type, 4);
  header.writeUInt16LE(flags, 6);
  return Buffer.concat([header, payload, padding(payload.length)]);
}

export const done = (): Buffer => message(3, Buffer.alloc(4));

export function errorMessage(errno: number): Buffer {
  const payload = Buffer.alloc(20);
  payload.writeInt32LE(-errno, 0);
  return message(2, payload);
}

const padding = (bytes: number): Buffer => Buffer.alloc((4 - (bytes % 4)) % 4);

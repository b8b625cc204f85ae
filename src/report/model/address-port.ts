/** Address and port as one text, IPv6 in brackets: `10.0.0.1:80`, `[fd00::1]:80`. */

const PORT_MAX = 0xffff;

/** @param address or the name of a host, where a program listens */
export function addressPort(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** Undefined when the text is not of this form. */
export function parseAddressPort(text: string): { address: string; port: number } | undefined {
  const [, inBrackets, plain, port] = /^(?:\[([^[\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  const address = inBrackets ?? plain;
  if (address === undefined || Number(port) > PORT_MAX) return undefined;
  return { address, port: Number(port) };
}

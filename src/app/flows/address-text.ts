/** Addresses with ports as people read them, and as flows have them in `via`. */

/** `address:port`, IPv6 in brackets. */
export function addressWithPort(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** Undefined when the text is no address with a port. */
export function parseAddressWithPort(text: string): { address: string; port: number } | undefined {
  const match = /^(?:\[([0-9a-f:.%]+)\]|([0-9.]+)):(\d{1,5})$/i.exec(text);
  if (match === null) return undefined;
  return { address: match[1] ?? match[2]!, port: Number(match[3]) };
}

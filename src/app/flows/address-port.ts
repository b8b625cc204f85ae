/** Address and port as one text: `10.0.0.1:80`, `[fd00::1]:80`. */

/** Undefined when the text is not of this form. */
export function parseAddressPort(text: string): { address: string; port: number } | undefined {
  const end = text.lastIndexOf(':');
  if (end < 1) return undefined;
  const port = Number(text.slice(end + 1));
  if (!Number.isInteger(port) || port < 0 || port > 65_535) return undefined;
  const isBracketed = text.startsWith('[') && text[end - 1] === ']';
  return { address: isBracketed ? text.slice(1, end - 1) : text.slice(0, end), port };
}

export function addressPort(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

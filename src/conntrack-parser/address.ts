/** Addresses as connection tracking prints them: dotted IPv4, IPv6 with or without `::`. */

/**
 * Writes an address as 16 bytes, IPv4 as IPv4-mapped.
 * @returns false when the text is no address of that family; what was written then means nothing
 */
export function writeAddress(text: string, isIpv6: boolean, to: Uint8Array, at: number): boolean {
  return isIpv6 ? writeIpv6(text, to, at) : writeIpv4(text, to, at);
}

function writeIpv4(text: string, to: Uint8Array, at: number): boolean {
  const parts = text.split('.');
  if (parts.length !== 4) return false;
  to.fill(0, at, at + 10);
  to.fill(0xff, at + 10, at + 12);
  return parts.every((part, i) => {
    to[at + 12 + i] = Number(part);
    return /^\d{1,3}$/.test(part) && Number(part) <= 0xff;
  });
}

function writeIpv6(text: string, to: Uint8Array, at: number): boolean {
  const halves = text.split('::');
  const [head, tail] = halves.map((half) => (half === '' ? [] : half.split(':')));
  if (head === undefined || halves.length > 2) return false;
  const groups = head.length + (tail?.length ?? 0);
  if (tail === undefined ? groups !== 8 : groups > 7) return false;
  to.fill(0, at, at + 16);
  const write = (group: string, i: number): boolean => {
    const value = parseInt(group, 16);
    to[at + i * 2] = value >> 8;
    to[at + i * 2 + 1] = value & 0xff;
    return /^[0-9a-f]{1,4}$/i.test(group);
  };
  return (
    head.every((group, i) => write(group, i)) &&
    (tail ?? []).every((group, i, { length }) => write(group, 8 - length + i))
  );
}

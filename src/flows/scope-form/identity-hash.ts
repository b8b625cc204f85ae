/** A hash that is the same on every machine and in every run, for choices that depend on the text only. FNV-1a, 32 bits. */
export function identityHash(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** Which encoding of an answer its asker likes best (RFC 9110, 12.5.3). */

export type Encoding = 'br' | 'gzip' | 'identity';

/**
 * Brotli where it is liked better than gzip; gzip, which is cheaper to make, where both are liked the same; as it is
 * where neither is accepted.
 */
export function chooseEncoding(header: string | undefined): Encoding {
  const weights = new Map<string, number>();
  for (const item of (header ?? '').split(',')) {
    const [name = '', ...parameters] = item.split(';').map((part) => part.trim().toLowerCase());
    const q = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
    if (name !== '') weights.set(name, q === undefined ? 1 : Number(q) || 0);
  }
  const of = (name: string): number => weights.get(name) ?? weights.get('*') ?? 0;
  const [br, gzip] = [of('br'), of('gzip')];
  const best = Math.max(br, gzip);
  if (best === 0 || (weights.get('identity') ?? 0) > best) return 'identity';
  return br > gzip ? 'br' : 'gzip';
}

/** The ETag of an answer: weak, because the same answer may be sent under several encodings. */
import { createHash } from 'node:crypto';

export function etagOf(body: string | Buffer): string {
  return `W/"${createHash('sha1').update(body).digest('base64url')}"`;
}

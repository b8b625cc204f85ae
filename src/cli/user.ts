/** Who runs this program. A user need not have a name: containers often run under an id that no /etc/passwd has. */
import { userInfo } from 'node:os';

/** `root (uid 0)`, or `uid 12345 (without a name in /etc/passwd)`. */
export function userText(): string {
  const uid = process.geteuid?.() ?? 0;
  try {
    return `${userInfo().username} (uid ${uid})`;
  } catch {
    return `uid ${uid} (without a name in /etc/passwd)`;
  }
}

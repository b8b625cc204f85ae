/** Packs folders for a kernel's start. It takes several archives, one behind the other; they are not compressed, as unpacking is slow in emulation. */
import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { runCommand } from './run-command.js';

/** Packs all that is in a folder, as root's. */
export async function packInitramfs(folder: string, file: string): Promise<void> {
  const names = await runCommand(`list ${folder}`, ['find', '.', '-mindepth', '1'], { cwd: folder });
  const cpio = ['cpio', '-o', '-H', 'newc', '-R', '0:0', '--quiet', '-F', file] as const;
  await runCommand(`pack ${folder}`, cpio, { cwd: folder, input: names });
}

export async function joinInitramfs(parts: readonly string[], file: string): Promise<void> {
  const joined = createWriteStream(file);
  for (const part of parts) await pipeline(createReadStream(part), joined, { end: false });
  await new Promise<void>((resolve, reject) => {
    joined.once('error', reject);
    joined.end(resolve);
  });
}

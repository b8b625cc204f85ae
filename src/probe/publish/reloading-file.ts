/** A small file whose content is read again when it changes: rotated tokens and certificates need no restart. */
import { readFileSync, statSync } from 'node:fs';

export class ReloadingFile {
  #mark = '';
  #content: Buffer = Buffer.alloc(0);

  constructor(readonly path: string) {}

  /** The content as of now. @throws what reading throws */
  read(): Buffer {
    const { mtimeMs, ino, size } = statSync(this.path);
    const mark = `${mtimeMs} ${ino} ${size}`;
    if (mark !== this.#mark) {
      this.#content = readFileSync(this.path);
      this.#mark = mark;
    }
    return this.#content;
  }
}

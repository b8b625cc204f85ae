/** docs/kernels.md: the text is written by hand, the table between its two marks by `make kernels`. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { PROJECT_ROOT } from '../../../src/cli/installation.js';

export const DOCUMENT = join(PROJECT_ROOT, 'docs/kernels.md');
const [BEGIN, END] = ['<!-- table: written by make kernels -->', '<!-- end of the table -->'] as const;

/** @throws Error when the marks are not there */
export async function writeIntoDocument(table: string): Promise<void> {
  const text = await readFile(DOCUMENT, 'utf8');
  const [from, to] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (from < 0 || to < from)
    throw new Error(`could not write the table into ${DOCUMENT}: it needs the lines "${BEGIN}" and "${END}"`);
  const written = `${text.slice(0, from + BEGIN.length)}\n\n${table}\n${text.slice(to)}`;
  await writeFile(
    DOCUMENT,
    await format(written, { ...(await resolveConfig(DOCUMENT)), filepath: DOCUMENT }),
  );
}

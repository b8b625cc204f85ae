/**
 * Logs on stderr, which is the file `log` in the working directory, while the file system is full, and again when there is
 * room. Prints how many bytes there were meanwhile, and the lines there are in the end. Argument: format of the log.
 */
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createLogger } from '../../src/cli/logger.js';
import { StderrLines } from '../../src/cli/stderr-lines.js';

const FILL_BYTES = 1 << 20;
/** More than waits for room, of each length: whatever is left, something does not fit. */
const MESSAGES = 5000;

const output = new StderrLines();
const log = createLogger('info', process.argv[2] === 'json' ? 'json' : 'pretty', output);
try {
  writeFileSync('fill', Buffer.alloc(FILL_BYTES));
} catch {
  // That is the end of the disk.
}
for (let i = 0; i < MESSAGES; i++) log.info(`${i} MARK ${'x'.repeat(i % 100)}`);
const whileFull = statSync('log').size;
rmSync('fill');
log.info('the next one MARK may be lost');
log.info('the disk has room again');
const lines = readFileSync('log', 'utf8').trimEnd().split('\n');
process.stdout.write(JSON.stringify({ whileFull, lines, lost: output.lost, logged: MESSAGES + 1 }));

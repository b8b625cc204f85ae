/** `make kernels`: tries the kernels of KERNELS on the rungs of RUNGS, says what was seen, and keeps it in docs/kernels.md. */
import { RUNGS, rungByName } from '../rungs.js';
import { DOCUMENT, writeIntoDocument } from './document.js';
import { ALL_KERNELS, kernelByName } from './kernels.js';
import { tableOf } from './table.js';
import { failures, tryKernel, type Trial } from './try-kernel.js';

/** For a boot with all rungs, on a machine that has other work. */
const DEADLINE_MS = 1_200_000;

const words = (name: string): string[] =>
  (process.env[name] ?? '').split(/\s+/).filter((word) => word !== '');
const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

async function main(): Promise<number> {
  const chosen = words('KERNELS').map(kernelByName);
  const kernels = chosen.length > 0 ? chosen : ALL_KERNELS;
  const wanted = words('RUNGS').map(rungByName);
  const rungs = wanted.length > 0 ? wanted : RUNGS;
  const trials: Trial[] = [];
  const failed: string[] = [];
  for (const kernel of kernels) {
    say(`kernel ${kernel.name}, rungs ${rungs.join(' ')} …`);
    try {
      const trial = await tryKernel(kernel, {
        rungs,
        deadlineMs: DEADLINE_MS,
        onSight: ({ check, rung, seconds, instead }) => {
          say(`  ${rung}: ${check}: ${instead ?? '✓'} (${seconds} s)`);
        },
      });
      trials.push(trial);
      failed.push(...failures(trial));
    } catch (error) {
      failed.push(error instanceof Error ? error.message : String(error));
    }
  }
  const table = tableOf(trials);
  say(`\n${table}`);
  // Of a part of them it would lose what is known of the others.
  if (chosen.length === 0 && wanted.length === 0 && trials.length === ALL_KERNELS.length) {
    await writeIntoDocument(table);
    say(`written into ${DOCUMENT}`);
  }
  for (const each of failed) process.stderr.write(`kernels: ${each}\n`);
  return failed.length > 0 ? 1 : 0;
}

// What is temporary goes when the process exits, which a signal alone does not make it do.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`kernels: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

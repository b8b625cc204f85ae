/**
 * A part that fails each time it is started, by an error that nobody listens to, and an error of nobody's. Prints, as JSON,
 * at which milliseconds it was started, as soon as there were five starts. Its log goes to stderr.
 */
import { startProgram } from '../../src/cli/program.js';

const { supervisor } = startProgram({ logLevel: 'info', logFormat: 'json' });
const startedAt: number[] = [];
const start = (): void => {
  startedAt.push(performance.now());
  if (startedAt.length === 4) process.stdout.write(JSON.stringify(startedAt), () => process.exit(0));
  setImmediate(() => {
    throw new Error(`fault ${startedAt.length}`);
  });
};
supervisor.run({ name: 'broken', restart: start }, start);

/** `topoprobe app`: takes reports in, merges them, and serves API and dashboard. */
import { Command } from 'commander';
import type { ListenAddress } from '../option-values.js';
import { listen, logging, window, type LogOptions } from '../shared-options.js';
import { stopSignal, stopWithin } from '../stop-signal.js';

interface AppCommandOptions extends LogOptions {
  readonly listen: ListenAddress;
  readonly window: number;
}

export function appCommand(): Command {
  const command = new Command('app')
    .description('Take reports in, merge them, and serve the API and the dashboard.')
    .addOption(listen('0.0.0.0:4040'))
    .addOption(window());
  for (const option of logging()) command.addOption(option);
  return command.action(async (options: AppCommandOptions) => {
    const [{ createLogger }, { startApp }] = await Promise.all([
      import('../logger.js'),
      import('../start-app.js'),
    ]);
    const log = createLogger(options.logLevel, options.logFormat);
    const stopped = stopSignal();
    const app = await startApp(options.listen, options.window, log);
    process.stdout.write(`Dashboard: ${app.url.origin}\n`);
    log.info({ signal: await stopped }, 'stopping');
    await stopWithin(log, () => app.close());
  });
}

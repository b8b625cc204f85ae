/** `topoprobe app`: takes reports in, merges them, and serves API and dashboard. */
import { Command } from 'commander';
import {
  checkServing,
  exposureFrom,
  limitsFrom,
  serving,
  type AppServeOptions,
} from '../options/app-options.js';
import type { ListenAddress } from '../options/option-values.js';
import { listen, logging, window, type LogOptions } from '../options/shared-options.js';
import { announce } from '../stdout.js';
import { stopSignal, stopWithin } from '../stop-signal.js';

interface AppCommandOptions extends LogOptions, AppServeOptions {
  readonly listen: ListenAddress;
  readonly window: number;
}

export function appCommand(): Command {
  const command = new Command('app')
    .description('Take reports in, merge them, and serve the API and the dashboard.')
    .addOption(listen('127.0.0.1:4040'))
    .addOption(window());
  for (const option of [...serving(), ...logging()]) command.addOption(option);
  return command.action(async (options: AppCommandOptions) => {
    checkServing(options);
    const [{ startProgram }, { startApp }, { readSecrets }] = await Promise.all([
      import('../program.js'),
      import('../start-app.js'),
      import('../options/app-secrets.js'),
    ]);
    const program = startProgram(options);
    const { log } = program;
    const stopped = stopSignal();
    const app = await startApp(options.listen, options.window, program, {
      ...(await readSecrets(options)),
      limits: limitsFrom(options),
      views: options.views,
      ...exposureFrom(options),
      ...(options.hostname === undefined ? {} : { hostname: options.hostname }),
      ...(options.webRoot === undefined ? {} : { webRoot: options.webRoot }),
    });
    await announce(`Dashboard: ${app.url.origin}`, log);
    log.info({ signal: await stopped }, 'stopping');
    program.supervisor.close();
    await stopWithin(log, () => app.close());
  });
}

/** `topoprobe up`: probe, app and dashboard in one process, for one machine. */
import { Command } from 'commander';
import { exposure, exposureFrom, type ExposureOptions } from '../options/app-options.js';
import { thisHostName } from '../host-name.js';
import type { ListenAddress } from '../options/option-values.js';
import { metricsListen, type MetricsOptions } from '../options/publish-options.js';
import {
  listen,
  logging,
  observing,
  publishInterval,
  window,
  type LogOptions,
  type ObserveOptions,
} from '../options/shared-options.js';
import { announce } from '../stdout.js';
import { stopSignal, stopWithin } from '../stop-signal.js';

interface UpCommandOptions extends LogOptions, ObserveOptions, MetricsOptions, ExposureOptions {
  readonly listen: ListenAddress;
  readonly window: number;
  readonly publishInterval: number;
}

export function upCommand(): Command {
  const command = new Command('up')
    .description('Run probe, app and dashboard together, for this one machine.')
    .addOption(listen('127.0.0.1:4040'))
    .addOption(publishInterval())
    .addOption(window())
    .addOption(metricsListen('off'));
  for (const option of [...exposure(), ...observing(), ...logging()]) command.addOption(option);
  return command.action(async (options: UpCommandOptions) => {
    const [{ startProgram }, { startApp }, { createProbe }, { probeSettings, surroundingsOf }] =
      await Promise.all([
        import('../program.js'),
        import('../start-app.js'),
        import('../../probe/index.js'),
        import('../probe-settings.js'),
      ]);
    const program = startProgram(options);
    const { log } = program;
    const stopped = stopSignal();
    // Asked for once: what is wrong with it is told once.
    const hostname = options.hostname ?? thisHostName(log);
    const app = await startApp(options.listen, options.window, program, {
      hostname,
      ...exposureFrom(options),
    });
    try {
      const probe = await createProbe(
        probeSettings([app.url], { ...options, hostname }, log),
        surroundingsOf(program),
      );
      await announce(`Dashboard: ${app.url.origin}`, log);
      log.info({ signal: await stopped }, 'stopping');
      program.supervisor.close();
      await stopWithin(log, () => probe.stop());
    } finally {
      await stopWithin(log, () => app.close());
    }
  });
}

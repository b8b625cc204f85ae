/** `topoprobe probe [URL...]`: watches this machine and reports to one or more apps. */
import { Command } from 'commander';
import { oneLine, UsageError } from '../errors.js';
import { appUrl } from '../options/option-values.js';
import {
  checkShipping,
  metricsListen,
  shipping,
  type MetricsOptions,
  type ShipOptions,
} from '../options/publish-options.js';
import {
  logging,
  observing,
  publishInterval,
  type LogOptions,
  type ObserveOptions,
} from '../options/shared-options.js';
import { keepMemorySmall, releaseWhenStarted } from '../small-memory.js';
import { stopSignal, stopWithin } from '../stop-signal.js';

interface ProbeCommandOptions extends LogOptions, ObserveOptions, ShipOptions, MetricsOptions {
  readonly publishInterval: number;
}

const DEFAULT_URL = 'http://127.0.0.1:4040';
/** Beside the app's, on loopback. */
const DEFAULT_METRICS = '127.0.0.1:4041';

export function probeCommand(): Command {
  const command = new Command('probe')
    .description('Watch the connections of this machine and report them to one or more apps.')
    .argument(
      '[url...]',
      `apps to report to, as URL, HOST or HOST:PORT; every address of a host name is an app; environment: TOPOPROBE_URLS, separated by spaces (default: ${DEFAULT_URL})`,
      (text: string, before: URL[] | undefined) => [...(before ?? []), appUrl(text)],
    )
    .addOption(publishInterval())
    .addOption(metricsListen(DEFAULT_METRICS));
  for (const option of [...shipping(), ...observing(), ...logging()]) command.addOption(option);
  return command.action(async (urls: URL[] | undefined, options: ProbeCommandOptions) => {
    checkShipping(options);
    await keepMemorySmall();
    const [{ startProgram }, { createProbe }, { probeSettings, surroundingsOf }] = await Promise.all([
      import('../program.js'),
      import('../../probe/index.js'),
      import('../probe-settings.js'),
    ]);
    const program = startProgram(options);
    const { log } = program;
    const stopped = stopSignal();
    const isMetricsDefault = command.getOptionValueSource('metricsListen') === 'default';
    const probe = await createProbe(
      probeSettings(
        urls?.length ? urls : urlsFromEnvironment(),
        { ...options, isMetricsDefault, ship: options },
        log,
      ),
      surroundingsOf(program),
    );
    const keepWhatStartingTook = releaseWhenStarted();
    log.info({ signal: await stopped }, 'stopping');
    keepWhatStartingTook();
    program.supervisor.close();
    await stopWithin(log, () => probe.stop());
  });
}

function urlsFromEnvironment(): URL[] {
  const texts = (process.env['TOPOPROBE_URLS'] ?? '').split(/[\s,]+/).filter((text) => text !== '');
  try {
    return (texts.length > 0 ? texts : [DEFAULT_URL]).map(appUrl);
  } catch (error) {
    throw new UsageError(`environment variable TOPOPROBE_URLS: ${oneLine(error)}`);
  }
}

/** `topoprobe report`: watches for a while, prints one report on stdout, and exits. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Command, Option } from 'commander';
import type { Report } from '../../report/model/model.js';
import { boundsOf } from '../options/bound-options.js';
import { rungOf } from '../options/rung-option.js';
import { sourceText } from '../../probe/records/source-text.js';
import {
  duration,
  logging,
  observing,
  type LogOptions,
  type ObserveOptions,
} from '../options/shared-options.js';
import { print } from '../stdout.js';

/** A long watch is made in ticks, as a probe makes them: what is kept of closed connections stays within bounds. */
const UNTICKED_MS = 10_000;
const TICK_MS = 3000;

type ReportFormat = 'json' | 'msgpack' | 'dot';

interface ReportCommandOptions extends LogOptions, ObserveOptions {
  readonly duration: number;
  readonly format: ReportFormat;
}

export function reportCommand(): Command {
  const command = new Command('report')
    .description('Watch for a while, print one report on stdout, and exit.')
    .addOption(duration('--duration <duration>', 'how long to watch', 'TOPOPROBE_DURATION', '5s'))
    .addOption(
      new Option('--format <format>', "form of the report; json is Scope's JSON form")
        .env('TOPOPROBE_FORMAT')
        .choices(['json', 'msgpack', 'dot'])
        .default('json'),
    );
  for (const option of [...observing(), ...logging()]) command.addOption(option);
  return command.action(async (options: ReportCommandOptions) => {
    await print(await encode(await observe(options), options.format));
  });
}

/**
 * The source is attached before anything else is loaded: what happens between the command and the first program in the
 * kernel is seen by nobody.
 */
async function observe(options: ReportCommandOptions): Promise<Report> {
  const { openSource } = await import('../../probe/open-connections.js');
  const { source, namespaces, seeded, fallbackReason } = await openSource(options.source, {
    procRoot: options.procRoot,
    bounds: boundsOf(options),
    sweepIntervalMs: options.sweepInterval,
    rung: rungOf(options),
  });
  const attachedAt = performance.now();
  try {
    const [{ createObservers, createPipeline }, { startProgram }, { observeSettings, surroundingsOf }] =
      await Promise.all([
        import('../../probe/index.js'),
        import('../program.js'),
        import('../probe-settings.js'),
      ]);
    const program = startProgram(options);
    const { log, supervisor } = program;
    if (fallbackReason !== undefined) {
      log.warn(`eBPF is not available, so connections are read from ${options.procRoot}: ${fallbackReason}`);
    }
    // There is nothing to restart of what only waits.
    const settings = observeSettings(options, log);
    const observers = createObservers(settings, '', surroundingsOf(program), namespaces);
    try {
      const { duration } = options;
      const { pipeline, state } = createPipeline({
        ...observers,
        source,
        probeId: '',
        intervalMs: duration,
        maxFlows: settings.maxFlows,
        log,
      });
      log.info(`watching connections by ${sourceText(source)} for ${duration / 1000} s`);
      const end = attachedAt + duration;
      if (duration > UNTICKED_MS) {
        for (let at = attachedAt + TICK_MS; at < end; at += TICK_MS) {
          await sleep(Math.max(0, at - performance.now()));
          await pipeline.next();
        }
      }
      await sleep(Math.max(0, end - performance.now()));
      await seeded;
      await pipeline.last();
      return state.wholeReport();
    } finally {
      supervisor.close();
      await observers.close();
    }
  } finally {
    await source.close();
  }
}

async function encode(report: Report, format: ReportFormat): Promise<Uint8Array | string> {
  if (format === 'dot') return (await import('../dot.js')).reportToDot(report);
  const { encodeReport, reportToJson } = await import('../../report/index.js');
  return format === 'json' ? `${reportToJson(report)}\n` : encodeReport(report);
}

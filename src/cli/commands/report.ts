/** `topoprobe report`: watches for a while, prints one report on stdout, and exits. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Command, Option } from 'commander';
import { assembleReport } from '../../probe/assemble-report.js';
import { ConnectionFeed } from '../../probe/connections/feed.js';
import { openSource } from '../../probe/connections/open-source.js';
import { encodeReport, reportToJson } from '../../report/index.js';
import type { Report } from '../../report/model.js';
import { reportToDot } from '../dot.js';
import { createLogger } from '../logger.js';
import { observersFor } from '../observers.js';
import { duration, logging, observing, type LogOptions, type ObserveOptions } from '../shared-options.js';

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
    await writeStdout(encode(await observe(options), options.format));
  });
}

async function observe(options: ReportCommandOptions): Promise<Report> {
  const log = createLogger(options.logLevel, options.logFormat);
  const { source, seeded, fallbackReason } = await openSource(options.source, { procRoot: options.procRoot });
  if (fallbackReason !== undefined) {
    log.warn(`eBPF is not available, so connections are read from ${options.procRoot}: ${fallbackReason}`);
  }
  const observers = observersFor(options, '', log);
  try {
    const feed = new ConnectionFeed(source);
    await sleep(options.duration);
    await seeded;
    return await assembleReport(await feed.only(), options.duration, observers);
  } finally {
    await source.close();
    await observers.close();
  }
}

function encode(report: Report, format: ReportFormat): Uint8Array | string {
  switch (format) {
    case 'json':
      return `${reportToJson(report)}\n`;
    case 'msgpack':
      return encodeReport(report);
    case 'dot':
      return reportToDot(report);
  }
}

/** A pipe that is closed early (`| head`) is the reader's choice, not a failure. */
async function writeStdout(output: Uint8Array | string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    process.stdout.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') resolve();
      else reject(error);
    });
    process.stdout.write(output, () => {
      resolve();
    });
  });
}

/** The options that several commands have, each with its environment variable. */
import { Option } from 'commander';
import { bounding, type BoundOptions } from './bound-options.js';
import { detailing, type DetailOptions } from './detail-options.js';
import { givenHostName } from '../host-name.js';
import { rung, type RungChoice } from './rung-option.js';
import { durationMs, listenAddress, type ListenAddress } from './option-values.js';
import type { SourceChoice } from '../../probe/open-connections.js';

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export type LogFormat = 'json' | 'pretty';

export interface LogOptions {
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
}

export interface ObserveOptions extends DetailOptions, BoundOptions {
  readonly source: SourceChoice;
  readonly rung: RungChoice;
  /** Without it: this machine's. */
  readonly hostname?: string;
  readonly procRoot: string;
  /** Milliseconds. */
  readonly sweepInterval: number;
}

/** Milliseconds of a duration option whose default is given as text, so that `--help` shows it as it is written. */
export const duration = (flags: string, what: string, variable: string, byDefault: string): Option =>
  new Option(flags, what).env(variable).argParser(durationMs).default(durationMs(byDefault), byDefault);

export const listen = (byDefault: string): Option =>
  new Option('--listen <host:port>', 'address to serve on')
    .env('TOPOPROBE_LISTEN')
    .argParser<ListenAddress>(listenAddress)
    .default(listenAddress(byDefault), byDefault);

export const window = (): Option =>
  duration('--window <duration>', 'how far back the picture reaches', 'TOPOPROBE_WINDOW', '15s');

export const publishInterval = (): Option =>
  duration('--publish-interval <duration>', 'time between two reports', 'TOPOPROBE_PUBLISH_INTERVAL', '3s');

export const logging = (): Option[] => [
  new Option('--log-level <level>', 'least severe messages to log')
    .env('TOPOPROBE_LOG_LEVEL')
    .choices(LOG_LEVELS)
    .default('info'),
  new Option('--log-format <format>', 'how messages are written to stderr')
    .env('TOPOPROBE_LOG_FORMAT')
    .choices(['json', 'pretty'])
    .default('pretty'),
];

export const observing = (): Option[] => [
  new Option('--source <source>', 'where connections are read from')
    .env('TOPOPROBE_SOURCE')
    .choices(['auto', 'ebpf', 'proc'])
    .default('auto'),
  rung(),
  new Option('--hostname <name>', 'name of this host in reports')
    .env('TOPOPROBE_HOSTNAME')
    .argParser(givenHostName)
    .default(undefined, "this machine's"),
  new Option('--proc-root <path>', "the host's /proc, where it is mounted elsewhere")
    .env('TOPOPROBE_PROC_ROOT')
    .default('/proc'),
  duration(
    '--sweep-interval <duration>',
    'time between two looks, by eBPF, at all open files for sockets that changed hands',
    'TOPOPROBE_SWEEP_INTERVAL',
    '30s',
  ),
  ...bounding(),
  ...detailing(),
];

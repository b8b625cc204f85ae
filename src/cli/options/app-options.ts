/**
 * Options of the app: who may use it, and how much it takes. Secrets come from files, because a command line is
 * everybody's to read.
 */
import { InvalidArgumentError, Option } from 'commander';
import { DEFAULT_LIMITS, type AppLimits } from '../../app/limits.js';
import type { AppOptions, ViewFreshness } from '../../app/options.js';
import { UsageError } from '../errors.js';
import { givenHostName } from '../host-name.js';
import { yesOrNo } from './option-values.js';

/** Of every command that listens. */
export interface ExposureOptions {
  readonly publicWithoutAuth: boolean;
  readonly allowedHost: readonly string[];
  readonly allowedOrigin: readonly string[];
}

export interface AppServeOptions extends ExposureOptions, Readonly<Record<LimitOption, number>> {
  readonly probeTokenFile?: string;
  readonly readTokenFile?: string;
  readonly usersFile?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsClientCa?: string;
  readonly views: ViewFreshness;
  readonly hostname?: string;
  readonly webRoot?: string;
}

interface LimitDescription {
  readonly limit: keyof AppLimits;
  readonly flag: string;
  readonly what: string;
  readonly isBytes: boolean;
}

/** Commander's name of each option → the limit it sets. */
const LIMITS = {
  maxBody: { limit: 'compressedBytes', flag: '--max-body', what: 'one report as sent', isBytes: true },
  maxReport: { limit: 'decompressedBytes', flag: '--max-report', what: 'one report inflated', isBytes: true },
  maxWaiting: {
    limit: 'inFlightBytes',
    flag: '--max-waiting',
    what: 'reports that arrive, are inflated, or wait to be taken in',
    isBytes: true,
  },
  maxMemory: { limit: 'windowBytes', flag: '--max-memory', what: 'the window, as estimated', isBytes: true },
  maxHeap: {
    limit: 'engineHeapBytes',
    flag: '--max-heap',
    what: 'heap of the thread that makes the picture',
    isBytes: true,
  },
  maxReportNodes: {
    limit: 'reportNodes',
    flag: '--max-report-nodes',
    what: 'nodes in one report',
    isBytes: false,
  },
  maxNodes: {
    limit: 'windowParts',
    flag: '--max-nodes',
    what: 'nodes in the window, as each probe tells them',
    isBytes: false,
  },
  maxProbes: { limit: 'probes', flag: '--max-probes', what: 'probes at once', isBytes: false },
  maxClients: { limit: 'webSockets', flag: '--max-clients', what: 'WebSockets at once', isBytes: false },
  maxRate: {
    limit: 'reportsPerSecond',
    flag: '--max-rate',
    what: 'reports a second, all probes',
    isBytes: false,
  },
  maxProbeRate: {
    limit: 'reportsPerSecondPerProbe',
    flag: '--max-probe-rate',
    what: 'reports a second, one probe',
    isBytes: false,
  },
} as const satisfies Readonly<Record<string, LimitDescription>>;
type LimitOption = keyof typeof LIMITS;

/** `--max-body` → `TOPOPROBE_MAX_BODY` */
const variableOf = (flag: string): string => `TOPOPROBE_${flag.slice(2).toUpperCase().replaceAll('-', '_')}`;

const file = (flag: string, what: string): Option => new Option(`${flag} <path>`, what).env(variableOf(flag));

/** For every command that listens. */
export const exposure = (): Option[] => [
  new Option(
    '--public-without-auth [yes|no]',
    'listen on an address that others can reach although nobody has to identify himself',
  )
    .env('TOPOPROBE_PUBLIC_WITHOUT_AUTH')
    .argParser(yesOrNo)
    .preset('yes')
    .default(false, 'no'),
  new Option(
    '--allowed-host <name...>',
    "names the app answers to besides addresses, localhost and this machine's names; or any",
  )
    .env('TOPOPROBE_ALLOWED_HOST')
    .argParser((text: string, before: readonly string[]) => [...before, ...namesIn(text)])
    .default([], 'any where there are tokens, users or client certificates, no others where not'),
  new Option(
    '--allowed-origin <url...>',
    'where browsers find the page, such as https://fleet.example, if a reverse proxy does not tell',
  )
    .env('TOPOPROBE_ALLOWED_ORIGIN')
    .argParser((text: string, before: readonly string[]) => [...before, ...originsIn(text)])
    .default([], 'none'),
];

/** What an app is told of these. */
export function exposureFrom({
  publicWithoutAuth,
  allowedHost,
  allowedOrigin,
}: ExposureOptions): Pick<AppOptions, 'publicWithoutAuth' | 'allowedHosts' | 'allowedOrigins'> {
  return {
    publicWithoutAuth: publicWithoutAuth ? 'warn' : 'refuse',
    allowedHosts: allowedHost.includes(ANY_HOST) ? 'any' : allowedHost,
    allowedOrigins: allowedOrigin,
  };
}

const ANY_HOST = 'any';

export const serving = (): Option[] => [
  ...exposure(),
  file('--probe-token-file', 'file with tokens of probes, one a line: they may report'),
  file(
    '--read-token-file',
    'file with tokens of people and programs, one a line: they may look; browsers sign in with one',
  ),
  file('--users-file', 'file with user:password lines: they may look, and report'),
  file('--tls-cert', 'PEM file of the certificate to serve https with'),
  file('--tls-key', "PEM file of that certificate's key"),
  file('--tls-client-ca', 'PEM file of the authorities of which clients must show a certificate'),
  new Option(
    '--views <freshness>',
    'while a view is being made anew: the last one at once, or the newest when ready',
  )
    .env('TOPOPROBE_VIEWS')
    .choices(['prompt', 'newest'])
    .default('prompt'),
  new Option('--hostname <name>', 'name of this machine as /api tells it')
    .env('TOPOPROBE_HOSTNAME')
    .argParser(givenHostName),
  new Option('--web-root <path>', 'folder of the built page').env('TOPOPROBE_WEB_ROOT'),
  ...Object.values(LIMITS).map(limitOption),
];

function limitOption({ limit, flag, what, isBytes }: LimitDescription): Option {
  const byDefault = DEFAULT_LIMITS[limit];
  const option = new Option(
    `${flag} <${isBytes ? 'size' : 'n'}>`,
    `at most this ${isBytes ? 'much' : 'many'}: ${what}`,
  ).env(variableOf(flag));
  return isBytes
    ? option.argParser(byteSize).default(byDefault, `${byDefault / MEBIBYTE}MiB`)
    : option.argParser(atLeastOne).default(byDefault);
}

/** @throws UsageError when options contradict each other */
export function checkServing({ tlsCert, tlsKey, tlsClientCa }: AppServeOptions): void {
  if ((tlsCert === undefined) !== (tlsKey === undefined))
    throw new UsageError('--tls-cert and --tls-key go together: give both or none');
  if (tlsClientCa !== undefined && tlsCert === undefined)
    throw new UsageError(
      '--tls-client-ca needs --tls-cert and --tls-key: without TLS no certificate is shown',
    );
}

/** The limits that were set by options. */
export function limitsFrom(options: AppServeOptions): AppLimits {
  const limits: Partial<Record<keyof AppLimits, number>> = {};
  for (const [option, { limit }] of Object.entries(LIMITS) as [LimitOption, LimitDescription][])
    limits[limit] = options[option];
  return { ...DEFAULT_LIMITS, ...limits };
}

const MEBIBYTE = 1024 * 1024;
const UNIT_BYTES: ReadonlyMap<string, number> = new Map([
  ['KiB', 1024],
  ['MiB', MEBIBYTE],
  ['GiB', 1024 * MEBIBYTE],
]);

/** `512KiB`, `64MiB`, `2GiB` → bytes. */
function byteSize(text: string): number {
  const match = /^(\d{1,6})(KiB|MiB|GiB)$/.exec(text);
  const bytes = Number(match?.[1]) * (UNIT_BYTES.get(match?.[2] ?? '') ?? NaN);
  if (!(bytes > 0)) throw new InvalidArgumentError(`'${text}' is not a size such as 512KiB, 64MiB or 2GiB`);
  return bytes;
}

function atLeastOne(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text))
    throw new InvalidArgumentError(`'${text}' is not a whole number from 1 to 999999999`);
  return Number(text);
}

/** Several in one environment variable. */
function namesIn(text: string): string[] {
  const names = text.split(/[\s,]+/).filter((name) => name !== '');
  for (const name of names) {
    if (!/^[A-Za-z0-9._-]{1,253}$/.test(name))
      throw new InvalidArgumentError(
        `'${name}' is not a host name such as fleet.example (without port), nor any`,
      );
  }
  return names;
}

/** Scheme, host and port; several in one environment variable. */
function originsIn(text: string): string[] {
  return text
    .split(/[\s,]+/)
    .filter((url) => url !== '')
    .map((url) => {
      const { protocol, origin, href } = URL.canParse(url)
        ? new URL(url)
        : { protocol: '', origin: '', href: '' };
      if (/^https?:$/.test(protocol) && href === `${origin}/`) return origin;
      throw new InvalidArgumentError(
        `'${url}' is not an origin such as https://fleet.example:8443 (scheme, host and port, without a path)`,
      );
    });
}

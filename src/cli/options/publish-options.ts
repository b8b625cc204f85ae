/** Options of how reports are shipped and how the probe is watched. Secrets come from files or the environment only. */
import { Option } from 'commander';
import { UsageError } from '../errors.js';
import { listenOrOff, yesOrNo, type ListenAddress } from './option-values.js';

export interface ShipOptions {
  readonly tokenFile?: string;
  readonly basicAuthFile?: string;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly proxyLocal: boolean;
}

export interface MetricsOptions {
  readonly metricsListen: ListenAddress | 'off';
}

/** A secret on a command line is everybody's to read: this one has a variable, and a file, but no option. */
export const TOKEN_VARIABLE = 'TOPOPROBE_TOKEN';

const file = (flags: string, what: string, variable: string): Option => new Option(flags, what).env(variable);

export const shipping = (): Option[] => [
  file(
    '--token-file <path>',
    `file with the token to show to apps; re-read when it changes; the token itself can be in ${TOKEN_VARIABLE}`,
    'TOPOPROBE_TOKEN_FILE',
  ),
  file(
    '--basic-auth-file <path>',
    'file with user:password to show to apps; re-read when it changes',
    'TOPOPROBE_BASIC_AUTH_FILE',
  ),
  file('--tls-ca <path>', 'PEM file of the authorities to trust for https apps', 'TOPOPROBE_TLS_CA'),
  file('--tls-cert <path>', 'PEM file of the certificate to show to https apps', 'TOPOPROBE_TLS_CERT'),
  file('--tls-key <path>', "PEM file of that certificate's key", 'TOPOPROBE_TLS_KEY'),
  new Option(
    '--proxy-local [yes|no]',
    'report to this machine and to link-local addresses, too, through the proxy that HTTP_PROXY, HTTPS_PROXY or ALL_PROXY names',
  )
    .env('TOPOPROBE_PROXY_LOCAL')
    .argParser(yesOrNo)
    .preset('yes')
    .default(false, 'no'),
];

export const metricsListen = (byDefault: string): Option =>
  new Option(
    '--metrics-listen <host:port>',
    "address of the probe's own /metrics, /healthz and /readyz, or off",
  )
    .env('TOPOPROBE_METRICS_LISTEN')
    .argParser(listenOrOff)
    .default(listenOrOff(byDefault), byDefault);

/** @throws UsageError when options contradict each other */
export function checkShipping(options: ShipOptions, environment: NodeJS.ProcessEnv = process.env): void {
  if ((options.tlsCert === undefined) !== (options.tlsKey === undefined)) {
    throw new UsageError('--tls-cert and --tls-key go together: give both or none');
  }
  const credentials = [options.tokenFile, options.basicAuthFile, environment[TOKEN_VARIABLE]];
  if (credentials.filter((one) => one !== undefined && one !== '').length > 1) {
    throw new UsageError(`give one of --token-file, --basic-auth-file and ${TOKEN_VARIABLE}, not several`);
  }
}

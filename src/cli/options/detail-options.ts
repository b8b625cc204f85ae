/** Options that decide which names and facts of processes a report holds, and what it costs to learn them. */
import { Option } from 'commander';
import type { ArgumentsPolicy } from '../../probe/processes/index.js';
import { dnsServers, wholeNumber } from './option-values.js';

export interface DetailOptions {
  /** Texts that `parseServers` takes; undefined: the system's servers. */
  readonly dnsServer?: readonly string[];
  /** False by `--no-dns`. */
  readonly dns: 'on' | 'off' | false;
  readonly dnsRate: number;
  readonly dnsConcurrency: number;
  readonly dnsCache: number;
  /** False by `--no-cmdline-arguments`. */
  readonly cmdlineArguments: ArgumentsPolicy | false;
  readonly maxProcesses: number;
}

const number = (flags: string, what: string, variable: string, byDefault: number, most: number): Option =>
  new Option(flags, what)
    .env(variable)
    .argParser((text: string) => wholeNumber(text, 1, most))
    .default(byDefault);

export const detailing = (): Option[] => [
  new Option(
    '--dns-server <address[:port]>',
    'DNS server to ask for names of addresses, repeatable; private=… and public=… are for such addresses only, ' +
      "off for no server (default: the system's)",
  )
    .env('TOPOPROBE_DNS_SERVER')
    .argParser(dnsServers),
  new Option('--dns <on|off>', 'whether names of addresses are asked for')
    .env('TOPOPROBE_DNS')
    .choices(['on', 'off'])
    .default('on'),
  new Option('--no-dns', 'the same as --dns off'),
  number('--dns-rate <per second>', 'questions sent to DNS servers at most', 'TOPOPROBE_DNS_RATE', 50, 1000),
  number('--dns-concurrency <n>', 'names looked up at once at most', 'TOPOPROBE_DNS_CONCURRENCY', 16, 1000),
  number('--dns-cache <n>', 'addresses whose names are remembered', 'TOPOPROBE_DNS_CACHE', 20_000, 1_000_000),
  new Option('--cmdline-arguments <policy>', 'what of the arguments of processes is reported')
    .env('TOPOPROBE_CMDLINE_ARGUMENTS')
    .choices(['masked', 'withheld', 'verbatim'] satisfies ArgumentsPolicy[])
    .default('masked', 'masked: without well-known secrets'),
  new Option('--no-cmdline-arguments', 'the same as --cmdline-arguments withheld'),
  number(
    '--max-processes <n>',
    'processes in a report at most',
    'TOPOPROBE_MAX_PROCESSES',
    30_000,
    4_194_304,
  ),
];

export function argumentsPolicy({ cmdlineArguments }: DetailOptions): ArgumentsPolicy {
  return cmdlineArguments === false ? 'withheld' : cmdlineArguments;
}

/** Every fault of the probe that a caller can meet: a stable code, what was attempted, what to do. */
import { descriptorShortage } from './descriptors.js';

const PROBE_FAULTS = {
  PROC_UNREADABLE: "mount the host's /proc there, or name the right place with --proc-root",
  PROC_MALFORMED: 'name the place of a Linux /proc with --proc-root',
  SOCKET_SCAN_FAILED: 'the next snapshot tries again',
  PROCESS_SCAN_FAILED: 'the next report tries again',
  SOURCE_CLOSED: 'open a new source',
  INTERFACES_UNREADABLE: 'allow sockets of AF_NETLINK (systemd: RestrictAddressFamilies)',
  CONNTRACK_ABSENT: 'load nf_conntrack and nf_conntrack_netlink if this host translates addresses',
  CONNTRACK_DENIED: 'give the probe CAP_NET_ADMIN and CAP_SYS_ADMIN, or run it as root',
  CONNTRACK_UNREADABLE: 'the probe tries again by itself',
  BAD_DNS_SERVER:
    'name servers as 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:5353, with private= or public= before them, or off',
  BAD_DNS_LIMIT: 'choose a limit within its documented range',
  NO_DNS_ANSWER: 'the probe asks again when the failure has expired',
  NO_TARGET: 'name at least one app, such as http://app.example:4040',
  TLS_FILE_UNREADABLE: 'name a readable PEM file',
  TLS_FILE_MALFORMED:
    'give certificates and keys in PEM form, the key without a passphrase and matching the certificate',
  PROXY_UNUSABLE:
    'set HTTP_PROXY, HTTPS_PROXY or ALL_PROXY to an http or https URL, or name the app in NO_PROXY',
  CREDENTIALS_UNREADABLE: 'name a readable file that holds the token, or user:password',
  METRICS_LISTEN_IN_USE: 'choose another port with --metrics-listen, or off',
  METRICS_LISTEN_FAILED: 'choose an address of this machine and a free port with --metrics-listen, or off',
} as const;
export type ProbeErrorCode = keyof typeof PROBE_FAULTS;

export class ProbeError extends Error {
  override readonly name = 'ProbeError';
  readonly code: ProbeErrorCode;
  readonly attempted: string;
  /** What to do; about file descriptors where `cause` is that none is left. */
  readonly advice: string;

  /**
   * @param attempted reads like "cannot read /proc/uptime (EACCES)"
   * @param options.advice instead of what the table has, for an error that another thread worded
   */
  constructor(
    code: ProbeErrorCode,
    attempted: string,
    options: { readonly cause?: unknown; readonly advice?: string } = {},
  ) {
    const { cause } = options;
    const advice = options.advice ?? descriptorShortage(cause) ?? PROBE_FAULTS[code];
    super(`${attempted}; ${advice}`, cause === undefined ? {} : { cause });
    this.code = code;
    this.attempted = attempted;
    this.advice = advice;
  }
}

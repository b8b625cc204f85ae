/**
 * One place where an app may be: a target URL, and the one address of its host name that is meant. The URL's name is
 * kept for the Host header and for the check of the certificate; only the look-up is decided here.
 */
export interface HostAddress {
  readonly address: string;
  readonly family: 4 | 6;
}

export interface TargetAddress {
  readonly url: URL;
  /** Undefined where a proxy or nothing has to be looked up. */
  readonly address: HostAddress | undefined;
}

/** Without the brackets of IPv6. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1');
}

/** For logs and metrics: without user and password. */
export function describe({ url, address }: TargetAddress): string {
  return address ? `${url.origin} (${address.address})` : url.origin;
}

/** Whether an address lets strangers in. */
import { BlockList, isIPv4, isIPv6 } from 'node:net';
import type { Logger } from 'pino';
import { AppError } from '../errors.js';

export type PublicWithoutAuth = 'refuse' | 'warn' | 'allow';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** False for loopback addresses and `localhost`. */
export function isPublic(host: string): boolean {
  if (isIPv4(host)) return !LOOPBACK.check(host, 'ipv4');
  if (isIPv6(host)) return !LOOPBACK.check(host, 'ipv6');
  return host !== 'localhost';
}

/** @throws AppError PUBLIC_WITHOUT_AUTH */
export function checkExposure(
  host: string,
  authenticated: boolean,
  policy: PublicWithoutAuth,
  log: Logger,
): void {
  if (authenticated || policy === 'allow' || !isPublic(host)) return;
  if (policy === 'refuse')
    throw new AppError(
      'PUBLIC_WITHOUT_AUTH',
      `refused to listen on ${host}, which others can reach, without authentication`,
    );
  log.warn(
    { host },
    'listening without authentication: whoever reaches this address sees the fleet and may report',
  );
}

/**
 * Binding the app's address, with a failure that says what to do.
 */
import type { FastifyInstance } from 'fastify';
import { addressPort } from '../report/model/address-port.js';
import { AppError, type AppErrorCode } from './errors.js';

export interface ListenAddress {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
}

const FAULTS: ReadonlyMap<string, readonly [AppErrorCode, string]> = new Map([
  ['EADDRINUSE', ['LISTEN_IN_USE', 'the address is in use']],
  ['EACCES', ['LISTEN_DENIED', 'permission denied']],
  ['EADDRNOTAVAIL', ['LISTEN_NO_ADDRESS', 'this machine has no such address']],
  ['ENOTFOUND', ['LISTEN_NO_ADDRESS', 'the name is not known']],
  ['EAI_AGAIN', ['LISTEN_NO_ADDRESS', 'the name is not in /etc/hosts, and no DNS server answers']],
]);

/**
 * Listens and answers the bound URL, `http://127.0.0.1:4040`; the host is as given, the port the real one.
 * @throws AppError LISTEN_…
 */
export async function listen(
  server: FastifyInstance,
  { host, port }: ListenAddress,
  secure: boolean,
): Promise<URL> {
  try {
    await server.listen({ host, port });
    const address = server.server.address();
    const bound = typeof address === 'object' && address !== null ? address.port : port;
    return new URL(`${secure ? 'https' : 'http'}://${addressPort(host, bound)}`);
  } catch (cause) {
    const [code, reason] = FAULTS.get((cause as NodeJS.ErrnoException).code ?? '') ?? [
      'LISTEN_FAILED',
      (cause as Error).message,
    ];
    throw new AppError(code, `cannot listen on ${addressPort(host, port)}: ${reason}`, { cause });
  }
}

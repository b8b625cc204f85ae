/** The system's name servers, each tried with one question that tells nobody anything: the name of 127.0.0.1. */
import { serverText } from './server-list.js';
import { askPtr } from './stub-client.js';
import { SystemServers } from './system-servers.js';

export interface TriedServer {
  /** As a user would write it. */
  readonly server: string;
  /** Why it can't be asked; absent when it answers, whatever it answers. */
  readonly reason?: string;
}

const QUESTION = '1.0.0.127.in-addr.arpa';
const TIMEOUT_MS = 2000;

/** Those of /etc/resolv.conf. Never rejects. */
export async function trySystemServers(): Promise<readonly TriedServer[]> {
  return Promise.all(
    new SystemServers({}).current().map(async (server): Promise<TriedServer> => {
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      try {
        await askPtr(QUESTION, server, signal);
        return { server: serverText(server) };
      } catch (error) {
        const reason = signal.aborted
          ? `no answer within ${TIMEOUT_MS / 1000} s`
          : String(error instanceof Error ? error.message : error);
        return { server: serverText(server), reason };
      }
    }),
  );
}

/**
 * Which name servers can't be asked, and why: told once when it begins and once when it is over. Names that are missing
 * look like names that do not exist.
 */
import { serverText, type DnsServer } from './server-list.js';

export interface ServerHealthOptions {
  /** Called with one line for the log. */
  readonly warn?: (message: string) => void;
  readonly inform?: (message: string) => void;
}

interface Trouble {
  failures: number;
  reason: string;
}

/** One question or its answer may be lost on the way. */
const FAILURES_IN_A_ROW = 2;
/** Bound on servers remembered; there are rarely more than three. */
const SERVERS_MAX = 64;

export class ServerHealth {
  readonly #troubles = new Map<string, Trouble>();

  constructor(private readonly options: ServerHealthOptions) {}

  failed(server: DnsServer, reason: string): void {
    const name = serverText(server);
    const trouble = this.#troubles.get(name) ?? { failures: 0, reason };
    if (trouble.failures === 0 && this.#troubles.size >= SERVERS_MAX) return;
    trouble.failures++;
    trouble.reason = reason;
    this.#troubles.set(name, trouble);
    if (trouble.failures === FAILURES_IN_A_ROW) this.options.warn?.(describe(name, trouble));
  }

  answered(server: DnsServer): void {
    const name = serverText(server);
    const trouble = this.#troubles.get(name);
    if (trouble === undefined) return;
    this.#troubles.delete(name);
    if (trouble.failures >= FAILURES_IN_A_ROW) this.options.inform?.(`the name server ${name} answers again`);
  }

  /** Others are asked from now on. */
  forget(): void {
    this.#troubles.clear();
  }

  /** One line for each server that can't be asked at present. */
  current(): readonly string[] {
    return Array.from(this.#troubles)
      .filter(([, { failures }]) => failures >= FAILURES_IN_A_ROW)
      .map(([name, trouble]) => describe(name, trouble));
  }
}

function describe(name: string, { reason }: Trouble): string {
  return `the name server ${name} can't be asked (${reason}), so names of addresses are missing: name another with --dns-server, or ask none with --dns off`;
}

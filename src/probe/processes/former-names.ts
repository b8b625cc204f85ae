/**
 * Names of processes that have ended: their connections are reported for a while, under the name they had.
 */
import { COMM_BYTES, nameOfComm } from './program-name.js';

const REMEMBER_MS = 10 * 60_000;
const MAX_REMEMBERED = 20_000;

interface Former {
  readonly startTicks: number;
  readonly name: string;
  readonly endedAtMs: number;
}

export class FormerNames {
  /** By PID, in the order in which they ended. */
  readonly #ended = new Map<number, Former>();
  /** Names that are longer than a comm, by what a comm has of them; empty where there are several. */
  readonly #long = new Map<string, string>();

  /** Notes the name of a live process. */
  seen(name: string): void {
    const bytes = Buffer.from(name);
    if (bytes.length <= COMM_BYTES) return;
    const start = bytes.toString('utf8', 0, COMM_BYTES);
    const known = this.#long.get(start);
    if (this.#long.size >= MAX_REMEMBERED) this.#long.clear();
    this.#long.set(start, known === undefined || known === name ? name : '');
  }

  /** @param nowMs of a clock that never goes back */
  ended(pid: number, startTicks: number, name: string, nowMs: number): void {
    this.#ended.delete(pid);
    this.#ended.set(pid, { startTicks, name, endedAtMs: nowMs });
    for (const [first, { endedAtMs }] of this.#ended) {
      if (this.#ended.size <= MAX_REMEMBERED && nowMs - endedAtMs < REMEMBER_MS) return;
      this.#ended.delete(first);
    }
  }

  /**
   * @param startTicks of the process, in clock ticks after boot; undefined: unknown
   * @param comm for one that was never seen
   */
  nameOf(pid: number, startTicks: number | undefined, comm: string): string {
    const known = this.#ended.get(pid);
    if (known !== undefined && (startTicks === undefined || known.startTicks === startTicks))
      return known.name;
    const long = this.#long.get(comm) ?? '';
    return long === '' ? nameOfComm(comm) : long;
  }
}

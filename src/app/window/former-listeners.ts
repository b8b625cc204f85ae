/**
 * Who listened where, after it has gone: an address that is dialled in vain is then more than a number. Endpoints whose
 * process was known are remembered for ten minutes.
 */
import type { Node } from '../../report/model/model.js';
import { hostNameOf, latestOf } from '../flows/node-facts.js';

const REMEMBER_MS = 10 * 60_000;
/** The oldest are forgotten first. */
const MAX_REMEMBERED = 20_000;

interface Listener {
  readonly name: string;
  readonly goneAtMs: number;
}

export class FormerListeners {
  /** By endpoint id, in the order in which they went. */
  readonly #gone = new Map<string, Listener>();

  /**
   * Told of an endpoint that changed or went.
   * @param nameOf the name of a process, by its id
   */
  changed(
    id: string,
    node: Node | undefined,
    old: Node | undefined,
    nowMs: number,
    nameOf: (process: string) => string | undefined,
  ): void {
    if (node !== undefined && isOwned(node)) {
      this.#gone.delete(id);
      return;
    }
    // Who opens connections from a port does not listen there.
    if (old === undefined || !isOwned(old) || (old.adjacency?.length ?? 0) > 0) return;
    const host = hostNameOf(latestOf(old, 'host_node_id') ?? '');
    const name = latestOf(old, 'exited_name') ?? nameOf(`${host};${latestOf(old, 'pid') ?? ''}`);
    if (name === undefined) return;
    this.#gone.delete(id);
    this.#gone.set(id, { name, goneAtMs: nowMs });
    this.#forget(nowMs);
  }

  /** Its name. */
  at(id: string, nowMs: number): string | undefined {
    const listener = this.#gone.get(id);
    return listener !== undefined && nowMs - listener.goneAtMs < REMEMBER_MS ? listener.name : undefined;
  }

  #forget(nowMs: number): void {
    for (const [id, { goneAtMs }] of this.#gone) {
      if (this.#gone.size <= MAX_REMEMBERED && nowMs - goneAtMs < REMEMBER_MS) return;
      this.#gone.delete(id);
    }
  }
}

function isOwned(node: Node): boolean {
  return latestOf(node, 'host_node_id') !== undefined && latestOf(node, 'copy_of') === undefined;
}

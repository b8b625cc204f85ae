/**
 * The ends of flows as objects that stay: the same end is the same object in all joined flows, and from one moment to the
 * next. What no flow uses any more is forgotten when the ends are many.
 */
import type { FlowDefinition, FlowProcess } from '../../flows/flow.js';
import type { HeldFlow } from './held-flow.js';
import type { JoinedEnd, JoinedFlow } from './joined-flow.js';

const KEPT_MIN = 1_000;

export class Ends {
  readonly #ends = new Map<string, JoinedEnd>();
  #sweepAt = 2 * KEPT_MIN;

  /** The client's end as the flow's host states it. */
  clientOf(flow: HeldFlow): JoinedEnd {
    return (flow.clientEnd ??= this.#stated(flow.host, flow.definition.scope, flow.definition.client, 0));
  }

  serverOf(flow: HeldFlow): JoinedEnd {
    const { scope, server } = flow.definition;
    return (flow.serverEnd ??= this.#stated(flow.host, scope, server, server.port));
  }

  /** The same end, seen by a probe of this host which knows no process of it. */
  on(end: JoinedEnd, host: string): JoinedEnd {
    return end.host === host && end.process === undefined
      ? end
      : this.#intern({ ...end, host, process: undefined, evidence: undefined, isAmbiguous: false });
  }

  /** The same end, of which nobody can tell in which of several networks it is. */
  ambiguous(end: JoinedEnd): JoinedEnd {
    return this.#intern({
      ...end,
      host: undefined,
      process: undefined,
      evidence: undefined,
      isAmbiguous: true,
    });
  }

  get size(): number {
    return this.#ends.size;
  }

  /** Forgets ends that are in none of these, when they may be many. */
  sweep(joined: Iterable<JoinedFlow>, held: readonly Iterable<HeldFlow>[]): void {
    if (this.#ends.size < this.#sweepAt) return;
    this.#ends.clear();
    const keep = (end: JoinedEnd | undefined): void => {
      if (end !== undefined) this.#ends.set(keyOf(end), end);
    };
    for (const { client, server } of joined) {
      keep(client);
      keep(server);
    }
    for (const flows of held) {
      for (const { clientEnd, serverEnd } of flows) {
        keep(clientEnd);
        keep(serverEnd);
      }
    }
    this.#sweepAt = 2 * Math.max(KEPT_MIN, this.#ends.size);
  }

  #stated(host: string, scope: string, end: FlowDefinition['client'], port: number): JoinedEnd {
    return this.#intern({
      scope,
      address: end.address,
      port,
      host: end.isHere ? host : undefined,
      process: end.process,
      evidence: end.evidence,
      isAmbiguous: false,
      facts: end.facts,
    });
  }

  #intern(end: JoinedEnd): JoinedEnd {
    const key = keyOf(end);
    const known = this.#ends.get(key);
    if (known !== undefined) return known;
    this.#ends.set(key, end);
    return end;
  }
}

function keyOf({ scope, address, port, host, process, evidence, isAmbiguous, facts }: JoinedEnd): string {
  const place = `${scope}\n${address}\n${port}\n${host ?? ''}\n${isAmbiguous ? 1 : 0}\n${evidence ?? ''}`;
  const rest = facts === undefined || facts.size === 0 ? '' : JSON.stringify([...facts]);
  return `${place}\n${processKey(process)}\n${rest}`;
}

/** Empty for none. */
export function processKey(process: FlowProcess | undefined): string {
  return process === undefined ? '' : `${process.pid} ${process.startTicks} ${process.name}`;
}

/**
 * Servers behind addresses that clients elsewhere dial: in Scope's form the host that translates has a copy of the server under
 * the dialled address, and the client's host knows that address only. Reports come in any order, so whoever asked in vain, or
 * may get another answer now, is named when a report says more.
 */
import type { EndpointFacts } from './endpoint-facts.js';

/** A server that is behind a dialled address. */
export interface ServerBehind {
  /** As the copy's report has it. */
  readonly server: EndpointFacts;
  /** Client address → ports that were seen to reach the server; undefined: the report has no clients. */
  readonly clients: ReadonlyMap<string, ReadonlySet<number>> | undefined;
}

/** Dialled addresses remembered of one probe; further ones are left out. */
const DIALLED_MAX = 50_000;

export class DialledServers {
  /** Dialled `address:port` → probe → the server behind it. */
  readonly #servers = new Map<string, Map<string, ServerBehind>>();
  /** Probe → what it has. */
  readonly #byProbe = new Map<string, ReadonlySet<string>>();
  /** Dialled `address:port` → probes whose clients dial it. */
  readonly #askers = new Map<string, Set<string>>();
  readonly #askedBy = new Map<string, Set<string>>();

  /** Replaces what a probe's copies say. @returns by probe, addresses that its clients dial and that may lead elsewhere now */
  note(probe: string, copies: ReadonlyMap<string, ServerBehind>): ReadonlyMap<string, ReadonlySet<string>> {
    const changed = new Set<string>();
    for (const dialled of this.#byProbe.get(probe) ?? []) {
      if (copies.has(dialled)) continue;
      const behind = this.#servers.get(dialled);
      behind?.delete(probe);
      if (behind?.size === 0) this.#servers.delete(dialled);
      changed.add(dialled);
    }
    const kept = new Set<string>();
    for (const [dialled, server] of copies) {
      if (kept.size >= DIALLED_MAX) break;
      kept.add(dialled);
      let behind = this.#servers.get(dialled);
      if (behind === undefined) this.#servers.set(dialled, (behind = new Map<string, ServerBehind>()));
      if (behind.get(probe)?.server.id !== server.server.id) changed.add(dialled);
      behind.set(probe, server);
    }
    if (kept.size > 0) this.#byProbe.set(probe, kept);
    else this.#byProbe.delete(probe);
    const outdated = new Map<string, Set<string>>();
    for (const dialled of changed) {
      for (const asker of this.#askers.get(dialled) ?? []) {
        if (asker === probe) continue;
        const known = outdated.get(asker);
        if (known === undefined) outdated.set(asker, new Set([dialled]));
        else known.add(dialled);
      }
    }
    return outdated;
  }

  /** Forgets what a probe asked for before, as it asks anew. */
  forgetAsker(probe: string): void {
    for (const dialled of this.#askedBy.get(probe) ?? []) {
      const askers = this.#askers.get(dialled);
      askers?.delete(probe);
      if (askers?.size === 0) this.#askers.delete(dialled);
    }
    this.#askedBy.delete(probe);
  }

  /** The server that a client of a probe's host reaches at this address; undefined when that is not known for certain. */
  find(probe: string, dialled: string, client: EndpointFacts): EndpointFacts | undefined {
    const askers = this.#askers.get(dialled);
    if (askers === undefined) this.#askers.set(dialled, new Set([probe]));
    else askers.add(probe);
    const asked = this.#askedBy.get(probe);
    if (asked === undefined) this.#askedBy.set(probe, new Set([dialled]));
    else asked.add(dialled);
    const servers = this.#servers.get(dialled);
    if (servers === undefined) return undefined;
    const behind = [...servers.values()];
    const seen = behind.find(({ clients }) => clients?.get(client.address)?.has(client.port) === true);
    if (seen !== undefined) return seen.server;
    const ids = new Set(behind.map(({ server }) => server.id));
    return ids.size === 1 ? behind[0]!.server : undefined;
  }
}

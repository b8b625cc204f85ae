/**
 * Who talks to whom in a report in Scope's form: the flows that its endpoints are, with NAT looked through as far as copies
 * say what is behind it.
 *
 *   client adjacent to a server                          a flow
 *   … and to a copy of it, or to a copy alone            the same flow, by way of the copy's address
 *   copy of a client                                     no flow of its own: what the server's host sees of the client's
 *   copy of a server that no client here is adjacent to  no flow: how clients elsewhere dial the server (dialled-servers.ts)
 *
 * Copies of clients become forwarded flows, which join what the hosts of the two ends state and are counted nowhere.
 */
import type { FlowDefinition, FlowEnd, FlowProcess } from '../../flows/flow.js';
import type { Node } from '../../report/model/model.js';
import type { ServerBehind } from './dialled-servers.js';
import { endpointFactsOf, type EndpointFacts } from './endpoint-facts.js';
import { flowKeyOf, portFactsOf, type PortFacts } from './port-facts.js';

/** What one client port adds to a flow. */
export interface Link {
  /** Name of the host that would state the flow: of one of its ends, or of the report. */
  readonly host: string;
  readonly definition: FlowDefinition;
  /** `flowKeyOf` the definition. */
  readonly key: string;
  readonly clientPort: number;
  readonly facts: PortFacts;
}

export interface LinkContext {
  /** Name of the host that reports; empty when the report is of several, or says nothing of hosts. */
  readonly host: string;
  readonly processName: (host: string, pid: number) => string;
  /** The server at an address that a client of this report dials, where another report has it. */
  readonly serverBehind: (dialled: string, client: EndpointFacts) => EndpointFacts | undefined;
}

/** What was made of endpoints before, for as long as they say the same. */
export class LinkCache {
  readonly facts = new WeakMap<Node, EndpointFacts>();
  /** Servers as hosts know them that do not have them. */
  readonly bare = new WeakMap<EndpointFacts, EndpointFacts>();
  /** By the server. */
  readonly direct = new WeakMap<EndpointFacts, readonly Target[]>();
  /** By the client. */
  links = new WeakMap<
    EndpointFacts,
    { readonly targets: readonly Target[]; readonly links: readonly Link[] }
  >();
}

const NO_LINKS: readonly Link[] = [];

interface Target {
  readonly server: EndpointFacts;
  /** `address:port` of the copy by way of which it is reached, or empty. */
  readonly via: string;
}

export class ReportLinks {
  readonly #context: LinkContext;
  readonly #nodes: ReadonlyMap<string, Node>;
  readonly #cache: LinkCache;

  constructor(nodes: ReadonlyMap<string, Node>, context: LinkContext, cache: LinkCache) {
    this.#nodes = nodes;
    this.#context = context;
    this.#cache = cache;
  }

  links(): readonly Link[] {
    const all: Link[] = [];
    for (const id of this.#nodes.keys()) for (const link of this.linksOf(id)) all.push(link);
    return all;
  }

  /** Those of one client. */
  linksOf(id: string): readonly Link[] {
    const adjacency = this.#nodes.get(id)?.adjacency;
    const facts = adjacency === undefined || adjacency.length === 0 ? undefined : this.#factsOf(id);
    if (adjacency === undefined || facts === undefined) return NO_LINKS;
    const known = this.#targetsOf(adjacency);
    const targets = facts.copyOf === undefined ? this.#lookedThrough(facts, known) : known;
    const cached = this.#cache.links.get(facts);
    if (cached !== undefined && sameTargets(cached.targets, targets)) return cached.links;
    const links = [
      ...(facts.copyOf === undefined
        ? this.#own(facts, targets)
        : this.#translated(facts, facts.copyOf, targets)),
    ];
    this.#cache.links.set(facts, { targets, links });
    return links;
  }

  /** What `linksOf` gave last, if anything. */
  lastLinksOf(id: string): readonly Link[] {
    const facts = this.#factsOf(id);
    return (facts && this.#cache.links.get(facts)?.links) ?? [];
  }

  /** Servers that are known under another address, which no client of this report dials. */
  copies(): Map<string, ServerBehind> {
    const dialled = new Set<string>();
    for (const [id, { adjacency }] of this.#nodes)
      if (adjacency !== undefined && this.#factsOf(id)?.copyOf === undefined)
        for (const to of adjacency) dialled.add(to);
    const copies: { readonly copy: EndpointFacts; readonly server: EndpointFacts }[] = [];
    const clients = new Map<string, Map<string, Set<number>> | undefined>();
    for (const [id, { adjacency = [] }] of this.#nodes) {
      const copy = adjacency.length > 0 || dialled.has(id) ? undefined : this.#factsOf(id);
      const server = copy?.copyOf === undefined ? undefined : this.#factsOf(copy.copyOf);
      if (copy === undefined || server === undefined) continue;
      copies.push({ copy, server });
      clients.set(server.id, undefined);
    }
    if (clients.size > 0) this.#addClients(clients);
    return new Map(
      copies.map(({ copy, server }) => [
        copy.text,
        { server: this.#bare(server), clients: clients.get(server.id) },
      ]),
    );
  }

  /** Adds the clients of those servers, by address. */
  #addClients(servers: Map<string, Map<string, Set<number>> | undefined>): void {
    for (const [id, { adjacency = [] }] of this.#nodes) {
      for (const to of adjacency) {
        if (!servers.has(to)) continue;
        const client = this.#factsOf(id);
        if (client === undefined) break;
        let byAddress = servers.get(to);
        if (byAddress === undefined) servers.set(to, (byAddress = new Map<string, Set<number>>()));
        const ports = byAddress.get(client.address);
        if (ports === undefined) byAddress.set(client.address, new Set([client.port]));
        else ports.add(client.port);
      }
    }
  }

  *#own(client: EndpointFacts, targets: readonly Target[]): Iterable<Link> {
    for (const [part, target] of targets.entries()) {
      const { server } = target;
      const hosts = new Set([client.host, server.host]);
      hosts.delete(undefined);
      if (hosts.size === 0) hosts.add(this.#context.host);
      for (const host of hosts as Set<string>) {
        const definition = this.#definition(client, target, host);
        const facts = portFactsOf(client, part, targets.length, undefined);
        yield { host, definition, key: flowKeyOf(definition), clientPort: client.port, facts };
      }
    }
  }

  #bare(server: EndpointFacts): EndpointFacts {
    let bare = this.#cache.bare.get(server);
    if (bare === undefined) {
      bare = { ...server, host: undefined, pid: 0, evidence: '' };
      this.#cache.bare.set(server, bare);
    }
    return bare;
  }

  /** A server that is dialled as what it is. */
  #direct(server: EndpointFacts): readonly Target[] {
    let direct = this.#cache.direct.get(server);
    if (direct === undefined) this.#cache.direct.set(server, (direct = [{ server, via: '' }]));
    return direct;
  }

  #lookedThrough(client: EndpointFacts, targets: readonly Target[]): readonly Target[] {
    if (
      client.host === undefined ||
      targets.every(({ server, via }) => via !== '' || server.host !== undefined)
    )
      return targets;
    return targets.map((target) => {
      const { server, via } = target;
      if (via !== '' || server.host !== undefined) return target;
      const behind = this.#context.serverBehind(server.text, client);
      // Whose it is, is for its own host to say.
      return behind === undefined ? target : { server: behind, via: server.text };
    });
  }

  /** A client's endpoint as it looks from outside. */
  *#translated(copy: EndpointFacts, realId: string, targets: readonly Target[]): Iterable<Link> {
    const real = this.#factsOf(realId);
    if (real === undefined || real.text === copy.text) return;
    // A host of which the client is resolves what was dialled itself.
    const isClients = (this.#nodes.get(realId)?.adjacency?.length ?? 0) > 0;
    for (const { server, via } of targets)
      // A report that has both ends needs nobody to join them.
      if (!isClients || server.host === undefined)
        yield this.#forwarded(real, { server, via: isClients ? '' : via }, copy);
  }

  #forwarded(client: EndpointFacts, { server, via }: Target, seen: EndpointFacts | undefined): Link {
    const definition: FlowDefinition = {
      kind: 'forwarded',
      scope: server.scope === '' ? client.scope : server.scope,
      client: bareEnd(client),
      server: { ...bareEnd(server), port: server.port },
      via,
      clientVia: seen === undefined || seen.address === client.address ? '' : seen.address,
      direction: '',
      nat: 'conntrack',
    };
    const { host } = this.#context;
    const facts = portFactsOf(client, 0, 1, seen?.port);
    return { host, definition, key: flowKeyOf(definition), clientPort: client.port, facts };
  }

  #definition(client: EndpointFacts, { server, via }: Target, host: string): FlowDefinition {
    const clientPid = client.host === host ? client.pid : 0;
    const serverPid = server.host === host ? (client.toPid ?? server.pid) : 0;
    return {
      kind: 'ends',
      scope: server.scope === '' ? client.scope : server.scope,
      client: this.#end(client, host, clientPid),
      server: { ...this.#end(server, host, serverPid), port: server.port },
      via,
      clientVia: '',
      direction: client.direction,
      nat: via === '' ? '' : 'conntrack',
    };
  }

  #end(facts: EndpointFacts, host: string, pid: number): FlowEnd {
    return {
      address: facts.address,
      process: this.#process(host, pid),
      evidence: facts.evidence === '' ? undefined : facts.evidence,
      isHere: facts.host === host,
      netns: 0,
      facts: facts.rest,
    };
  }

  #process(host: string, pid: number): FlowProcess | undefined {
    return pid === 0 ? undefined : { pid, startTicks: 0, name: this.#context.processName(host, pid) };
  }

  /** Servers that an adjacency really leads to: more than one when the client's port was used several times. */
  #targetsOf(adjacency: readonly string[]): readonly Target[] {
    // By far the most, and the same each time.
    const only = adjacency.length === 1 ? this.#factsOf(adjacency[0]!) : undefined;
    if (only !== undefined && only.copyOf === undefined) return this.#direct(only);
    const targets = new Map<string, Target>();
    const copies: EndpointFacts[] = [];
    for (const id of adjacency) {
      const facts = this.#factsOf(id);
      if (facts === undefined) continue;
      if (facts.copyOf === undefined) targets.set(id, { server: facts, via: '' });
      else copies.push(facts);
    }
    if (targets.size === 0) {
      for (const copy of copies) {
        const real = this.#factsOf(copy.copyOf!) ?? copy;
        targets.set(real.id, { server: ownedBy(real, copy), via: copy.text });
      }
      return [...targets.values()];
    }
    // Where a real one is known, the others only say how it was dialled. An address leads to many servers, and its one node
    // is a copy of one of them.
    for (const [id, { server }] of targets) {
      const copy = copies.find(({ copyOf }) => copyOf === id) ?? (targets.size === 1 ? copies[0] : undefined);
      if (copy !== undefined) targets.set(id, { server, via: copy.text });
    }
    return [...targets.values()];
  }

  #factsOf(id: string): EndpointFacts | undefined {
    const node = this.#nodes.get(id);
    if (node === undefined) return endpointFactsOf(id, undefined);
    let facts = this.#cache.facts.get(node);
    if (facts === undefined) {
      facts = endpointFactsOf(id, node);
      if (facts !== undefined) this.#cache.facts.set(node, facts);
    }
    return facts;
  }
}

function sameTargets(a: readonly Target[], b: readonly Target[]): boolean {
  return (
    a === b ||
    (a.length === b.length && a.every(({ server, via }, i) => server === b[i]!.server && via === b[i]!.via))
  );
}

/** A copy says whose the real one is, even where that is not among the nodes. */
function ownedBy(real: EndpointFacts, copy: EndpointFacts): EndpointFacts {
  if (real.host !== undefined || copy.host === undefined) return real;
  const { host, pid, evidence } = copy;
  return { ...real, host, pid, evidence };
}

function bareEnd({ address }: EndpointFacts): FlowEnd {
  return { address, isHere: false, netns: 0 };
}

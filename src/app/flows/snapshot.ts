/**
 * What every view of one moment is made from: the merged report, who talks to whom, and look-ups derived from them.
 * Derived parts are made when first asked for and shared by all views of that moment.
 */
import type { Node, Report, TopologyKey } from '../../report/model/model.js';
import { bothEndsOf } from './both-ends.js';
import type { EndpointFacts } from './endpoint.js';
import type { Addresses } from './external.js';
import { Flows, type Flow, type Peer } from './flows.js';
import { ClientGroups } from './client-groups.js';
import { localNetworks } from './networks.js';
import { Unanswered, type FormerListener } from './unanswered.js';

const NO_NODES: ReadonlyMap<string, Node> = new Map();

export class Snapshot {
  readonly report: Report;
  /** Changes when what nodes are called or belong to may have changed. */
  readonly namesVersion: number;
  readonly endpoints: ReadonlyMap<string, Node>;
  readonly #index: Flows;
  readonly #formerListener: FormerListener;
  #addresses: Addresses | undefined;
  #unanswered: Unanswered | undefined;
  #flows: readonly Flow[] | undefined;

  /** `index` must cover exactly the report's endpoints. */
  constructor(
    report: Report,
    index: Flows,
    namesVersion = 0,
    formerListener: FormerListener = () => undefined,
  ) {
    this.#formerListener = formerListener;
    this.report = report;
    this.namesVersion = namesVersion;
    this.#index = index;
    this.endpoints = this.nodes('Endpoint');
  }

  nodes(topology: TopologyKey): ReadonlyMap<string, Node> {
    return this.report.topologies.get(topology)?.nodes ?? NO_NODES;
  }

  get addresses(): Addresses {
    return (this.#addresses ??= {
      dns: this.report.dns,
      local: localNetworks(this.report),
      isOurs: (address) => this.#index.groups.isOwned(address),
    });
  }

  get unanswered(): Unanswered {
    return (this.#unanswered ??= new Unanswered(
      this.#index.groups.groups,
      this.endpoints,
      this.#formerListener,
    ));
  }

  get flows(): readonly Flow[] {
    return (this.#flows ??= this.#index.all(this.endpoints));
  }

  /** Endpoints that open nothing: servers, mostly. */
  *sinks(): Iterable<EndpointFacts> {
    for (const id of this.#index.groups.sinks.keys()) yield this.peer(id).facts;
  }

  /** The endpoint of this id as the far side of a connection. */
  peer(id: string): Peer {
    return this.#index.peer(id, this.endpoints);
  }
}

/** A snapshot of one report, from nothing. @param sources what it was merged from, where ends may tell different things */
export function snapshotOf(report: Report, sources: readonly Report[] = [report]): Snapshot {
  const groups = new ClientGroups();
  for (const [id, node] of report.topologies.get('Endpoint')?.nodes ?? []) {
    groups.set(id, node);
    const versions = sources.map((source) => source.topologies.get('Endpoint')?.nodes.get(id));
    groups.setViews(id, bothEndsOf(versions.filter((version) => version !== undefined)));
  }
  return new Snapshot(report, new Flows(groups));
}

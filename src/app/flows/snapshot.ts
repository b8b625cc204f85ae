/**
 * What every view of one moment is made from: facts of nodes, flows, and look-ups derived from them. Derived parts are made
 * when first asked for and shared by all views of that moment.
 */
import { FACT } from '../../report/keys.js';
import { parseAddressPort } from '../../report/model/address-port.js';
import type { Node, Report, TopologyKey } from '../../report/model/model.js';
import { hostScope } from '../../report/model/node-ids.js';
import type { Addresses } from './external.js';
import type { JoinedEnd, JoinedFlow } from './joined-flow.js';
import { localNetworks, type NetworkSet } from './networks.js';
import { hostNameOf } from './own-id.js';
import { SharedNetworks } from './shared-networks.js';
import { Unanswered, type FormerListener } from './unanswered.js';
import { viewEndOf, type ViewEnd } from './view-end.js';

const NO_NODES: ReadonlyMap<string, Node> = new Map();

export interface SnapshotParts {
  /** Facts of everything but endpoints. */
  readonly report: Report;
  readonly flows: readonly JoinedFlow[];
  /** Whether some probe saw a socket at the address. */
  readonly isOwned: (address: string) => boolean;
  /** Changes when what nodes are called or belong to may have changed. Default: 0. */
  readonly namesVersion?: number;
  /** Networks that hosts of the fleet are in. Default: as the report's hosts say. */
  readonly networks?: NetworkSet;
  /** Default: nobody is remembered. */
  readonly formerListener?: FormerListener;
}

export class Snapshot {
  readonly report: Report;
  readonly flows: readonly JoinedFlow[];
  readonly namesVersion: number;
  readonly #isOwned: (address: string) => boolean;
  readonly #networks: NetworkSet | undefined;
  readonly #formerListener: FormerListener;
  readonly #clients = new Map<JoinedEnd, ViewEnd>();
  readonly #servers = new Map<JoinedEnd, ViewEnd>();
  readonly #dialled = new Map<string, ViewEnd | undefined>();
  readonly #scoped = new Map<JoinedEnd, Map<string, JoinedEnd>>();
  #shared: SharedNetworks | undefined;
  #addresses: Addresses | undefined;
  #unanswered: Unanswered | undefined;

  constructor({
    report,
    flows,
    isOwned,
    namesVersion = 0,
    formerListener = () => undefined,
    networks,
  }: SnapshotParts) {
    this.report = report;
    this.flows = flows;
    this.namesVersion = namesVersion;
    this.#isOwned = isOwned;
    this.#networks = networks;
    this.#formerListener = formerListener;
  }

  nodes(topology: TopologyKey): ReadonlyMap<string, Node> {
    return this.report.topologies.get(topology)?.nodes ?? NO_NODES;
  }

  get addresses(): Addresses {
    return (this.#addresses ??= {
      dns: this.report.dns,
      local: this.#networks ?? localNetworks(this.report),
      isOurs: this.#isOwned,
    });
  }

  get unanswered(): Unanswered {
    return (this.#unanswered ??= new Unanswered(
      this.flows,
      (flow) => this.serverEndOf(flow),
      this.#formerListener,
    ));
  }

  /**
   * A flow's server's end. One that no probe saw, at an address that several networks have, is that of the client's host: its
   * name is the scope.
   */
  serverEndOf({ client, server }: JoinedFlow): JoinedEnd {
    const { host } = client;
    if (server.host !== undefined || server.scope !== '' || server.isAmbiguous || host === undefined)
      return server;
    if (!this.#sharedNetworks.mayBeApart(host, server.address)) return server;
    let scoped = this.#scoped.get(server);
    if (scoped === undefined) this.#scoped.set(server, (scoped = new Map<string, JoinedEnd>()));
    let end = scoped.get(host);
    if (end === undefined) scoped.set(host, (end = { ...server, scope: hostScope(host) }));
    return end;
  }

  get #sharedNetworks(): SharedNetworks {
    if (this.#shared !== undefined) return this.#shared;
    const shared = new SharedNetworks();
    for (const [id, { sets }] of this.nodes('Host')) {
      const networks = sets?.get(FACT.localNetworks);
      if (networks !== undefined) shared.note(hostNameOf(id), networks, 0);
    }
    return (this.#shared = shared);
  }

  client(end: JoinedEnd): ViewEnd {
    return this.#viewEnd(this.#clients, end, true);
  }

  server(end: JoinedEnd): ViewEnd {
    return this.#viewEnd(this.#servers, end, false);
  }

  /** An end at an address that was dialled and whose server is behind it. @param via as a flow has it */
  dialled(via: string): ViewEnd | undefined {
    if (!this.#dialled.has(via)) this.#dialled.set(via, dialledEnd(via));
    return this.#dialled.get(via);
  }

  #viewEnd(known: Map<JoinedEnd, ViewEnd>, end: JoinedEnd, opens: boolean): ViewEnd {
    let view = known.get(end);
    if (view === undefined) known.set(end, (view = viewEndOf(end, opens, this.nodes('Process'))));
    return view;
  }
}

function dialledEnd(via: string): ViewEnd | undefined {
  const parsed = parseAddressPort(via);
  if (parsed === undefined) return undefined;
  const end: JoinedEnd = {
    ...parsed,
    scope: '',
    host: undefined,
    process: undefined,
    evidence: undefined,
    isAmbiguous: false,
    facts: undefined,
  };
  return { end, hostNode: undefined, process: undefined, opens: false };
}

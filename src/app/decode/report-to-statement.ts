/**
 * Reports in Scope's form, a Scope probe's or anybody's, turned into statements: from here on the app knows flows only. A report
 * may be of several hosts (one that an app merged is); each has statements of its own.
 */
import { FACT } from '../../report/keys.js';
import type { Node, Report } from '../../report/model/model.js';
import { parseNodeId, processNodeId } from '../../report/model/node-ids.js';
import { compare } from '../../report/model/timestamp.js';
import type { DialledServers } from './dialled-servers.js';
import { FlowLedger, type ReportTimes, type TimedStatement } from './flow-ledger.js';
import { LinkCache, ReportLinks, type Link } from './report-links.js';

/** Statements of one host, which go on from those that came under the same `stream` before. */
export interface HostStatements {
  /** Tells apart what one probe reports of several hosts. */
  readonly stream: string;
  /** Name of the host; empty when the report does not say of which it is. */
  readonly host: string;
  readonly statements: readonly TimedStatement[];
}

/** By probe: addresses that its clients dial, and that may lead elsewhere now. */
type Outdated = ReadonlyMap<string, ReadonlySet<string>>;

/** Hosts in one probe's reports; further ones are left out. */
const HOSTS_MAX = 1_000;

interface Kept {
  readonly digest: number;
  readonly node: Node;
}

/** One probe's reports. */
export class ReportedFlows {
  readonly #probe: string;
  readonly #dialled: DialledServers;
  readonly #ledgers = new Map<string, FlowLedger>();
  readonly #cache = new LinkCache();
  /** Names of the processes in the last report. */
  #names: ReadonlyMap<string, string> = new Map();
  /** Address that is dialled and owned by nobody here → ids of the clients. */
  readonly #dialling = new Map<string, Set<string>>();
  /** Endpoints of the last report by id, where their digest is known. */
  #endpoints = new Map<string, Kept>();
  #last: { readonly report: Report; readonly times: ReportTimes } | undefined;
  #droppedHosts = 0;

  /** @param dialled what the copies of all probes say, which is asked and added to */
  constructor(probe: string, dialled: DialledServers) {
    this.#probe = probe;
    this.#dialled = dialled;
  }

  /** Names of the streams of statements there are. */
  get streams(): Iterable<string> {
    return Array.from(this.#ledgers.keys(), (host) => this.#streamOf(host));
  }

  /** Endpoints of the last report, which are held. */
  get endpoints(): number {
    return this.#last === undefined ? 0 : nodesOf(this.#last.report).size;
  }

  /** Hosts that were left out. */
  get droppedHosts(): number {
    return this.#droppedHosts;
  }

  /** The endpoint of the last report, if it was encoded with this digest. */
  recall(id: string, digest: number): Node | undefined {
    const kept = this.#endpoints.get(id);
    return kept?.digest === digest ? kept.node : undefined;
  }

  /**
   * @param digestOf of a node's bytes, where it is known
   * @returns statements, and what other probes' clients dial that may lead elsewhere now: to be looked at again
   */
  take(
    report: Report,
    times: ReportTimes,
    digestOf: (node: Node) => number | undefined,
  ): { readonly all: HostStatements[]; readonly outdated: Outdated } {
    this.#remember(nodesOf(report), digestOf, times.isWhole);
    // A report that is sent twice is one.
    const isAgain =
      report.id !== '' && report.id === this.#last?.report.id && isSameTime(report, this.#last.report);
    this.#last = { report, times };
    this.#noteNames(report);
    const links = this.#linksOf(report);
    const outdated = this.#dialled.note(this.#probe, links.copies());
    return { all: this.#statements(report, links, { ...times, isAgain }), outdated };
  }

  /** Looks again at those clients of the last report that dial these addresses. */
  lookAgain(dialled: Iterable<string>): HostStatements[] {
    if (this.#last === undefined) return [];
    const { report, times } = this.#last;
    const links = this.#linksOf(report);
    const before = new Map<string, Link[]>();
    const now = new Map<string, Link[]>();
    const clients = new Set(
      Array.from(dialled, (address) => [...(this.#dialling.get(address) ?? [])]).flat(),
    );
    for (const id of clients) {
      addByHost(before, links.lastLinksOf(id));
      addByHost(now, links.linksOf(id));
    }
    return Array.from(now, ([host, ofHost]) => {
      const statements = this.#ledgerOf(host)?.move(before.get(host) ?? [], ofHost, times) ?? [];
      return { stream: this.#streamOf(host), host, statements };
    });
  }

  /** Forgets what its copies said, and what its clients dialled. @returns as `take` */
  forget(): Outdated {
    this.#dialled.forgetAsker(this.#probe);
    return this.#dialled.note(this.#probe, new Map());
  }

  #linksOf(report: Report): ReportLinks {
    return new ReportLinks(
      nodesOf(report),
      {
        host: hostOf(report),
        processName: (host, pid) => this.#names.get(processNodeId(host, pid)) ?? '',
        serverBehind: (dialled, client) => {
          const clients = this.#dialling.get(dialled);
          if (clients === undefined) this.#dialling.set(dialled, new Set([client.id]));
          else clients.add(client.id);
          return this.#dialled.find(this.#probe, dialled, client);
        },
      },
      this.#cache,
    );
  }

  /** What was made of endpoints has the names of processes in it. */
  #noteNames({ topologies }: Report): void {
    const names = new Map<string, string>();
    for (const [id, { latest }] of topologies.get('Process')?.nodes ?? []) {
      const name = latest?.get(FACT.name)?.value;
      if (name !== undefined) names.set(id, name);
    }
    const isSame =
      names.size === this.#names.size && [...names].every(([id, name]) => this.#names.get(id) === name);
    if (!isSame) this.#cache.links = new WeakMap();
    this.#names = names;
  }

  #statements(report: Report, links: ReportLinks, times: ReportTimes): HostStatements[] {
    const host = hostOf(report);
    this.#dialled.forgetAsker(this.#probe);
    this.#dialling.clear();
    const byHost = new Map<string, Link[]>();
    addByHost(byHost, links.links());
    // Who had flows before and has none now is told, too.
    const hosts = new Set([...byHost.keys(), ...(times.isWhole ? this.#hostsOver(host, byHost) : [])]);
    const all: HostStatements[] = [];
    for (const name of hosts) {
      const ledger = this.#ledgerOf(name);
      if (ledger === undefined) continue;
      const statements = ledger.take(byHost.get(name) ?? [], times);
      all.push({ stream: this.#streamOf(name), host: name, statements });
    }
    return all;
  }

  /** Two machines may report under one probe's id: what one says is no word on the other. */
  #hostsOver(host: string, byHost: ReadonlyMap<string, unknown>): Iterable<string> {
    if (host !== '') return this.#ledgers.has(host) ? [host] : [];
    return byHost.size > 0 ? [] : this.#ledgers.keys();
  }

  #remember(
    nodes: ReadonlyMap<string, Node>,
    digestOf: (node: Node) => number | undefined,
    isWhole: boolean,
  ): void {
    const kept = isWhole ? new Map<string, Kept>() : this.#endpoints;
    for (const [id, node] of nodes) {
      const known = this.#endpoints.get(id);
      const digest = known?.node === node ? known.digest : digestOf(node);
      if (digest !== undefined) kept.set(id, { digest, node });
      else kept.delete(id);
    }
    this.#endpoints = kept;
  }

  #ledgerOf(host: string): FlowLedger | undefined {
    let ledger = this.#ledgers.get(host);
    if (ledger !== undefined) return ledger;
    if (this.#ledgers.size >= HOSTS_MAX) {
      this.#droppedHosts++;
      return undefined;
    }
    ledger = new FlowLedger(this.#probe, host === '' ? `?${this.#probe}` : host);
    this.#ledgers.set(host, ledger);
    return ledger;
  }

  #streamOf(host: string): string {
    return `${this.#probe}\n${host}`;
  }
}

function addByHost(byHost: Map<string, Link[]>, links: Iterable<Link>): void {
  for (const link of links) {
    const known = byHost.get(link.host);
    if (known === undefined) byHost.set(link.host, [link]);
    else known.push(link);
  }
}

function isSameTime({ timestamp: a }: Report, { timestamp: b }: Report): boolean {
  return a !== undefined && b !== undefined && compare(a, b) === 0;
}

function nodesOf({ topologies }: Report): ReadonlyMap<string, Node> {
  return topologies.get('Endpoint')?.nodes ?? new Map<string, Node>();
}

/** Name of the host that reports. Probes report of their own one; what is of several was merged before. */
function hostOf(report: Report): string {
  const hosts = report.topologies.get('Host')?.nodes;
  const [id] = hosts?.size === 1 ? hosts.keys() : [];
  return id === undefined ? '' : (parseNodeId(id)?.own ?? id);
}

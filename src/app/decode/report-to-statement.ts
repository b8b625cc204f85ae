/**
 * Reports in Scope's form, a Scope probe's or anybody's, turned into statements: from here on the app knows flows only. A report
 * may be of several hosts (one that an app merged is); each has statements of its own.
 */
import type { Node, Report } from '../../report/model/model.js';
import { parseNodeId, processNodeId } from '../../report/model/node-ids.js';
import { compare } from '../../report/model/timestamp.js';
import type { DialledServers } from './dialled-servers.js';
import type { EndpointFacts } from './endpoint-facts.js';
import { FlowLedger, type ReportTimes, type TimedStatement } from './flow-ledger.js';
import { ReportLinks, type Link } from './report-links.js';

/** Statements of one host, which go on from those that came under the same `stream` before. */
export interface HostStatements {
  /** Tells apart what one probe reports of several hosts. */
  readonly stream: string;
  /** Name of the host; empty when the report does not say of which it is. */
  readonly host: string;
  readonly statements: readonly TimedStatement[];
}

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
  readonly #facts = new WeakMap<Node, EndpointFacts>();
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
   * @returns statements, and other probes whose clients may lead elsewhere now: their last report is to be taken again
   */
  take(
    report: Report,
    times: ReportTimes,
    digestOf: (node: Node) => number | undefined,
  ): { readonly all: HostStatements[]; readonly outdated: ReadonlySet<string> } {
    this.#remember(nodesOf(report), digestOf, times.isWhole);
    // A report that is sent twice is one.
    const isAgain = report.id !== '' && report.id === this.#last?.report.id && isSameTime(report, this.#last.report);
    this.#last = { report, times };
    const links = this.#linksOf(report);
    const outdated = this.#dialled.note(this.#probe, links.copies());
    return { all: this.#statements(report, links, { ...times, isAgain }), outdated };
  }

  /** Takes the last report again, as more is known of what its clients dial. */
  takeAgain(): HostStatements[] {
    if (this.#last === undefined) return [];
    const { report, times } = this.#last;
    return this.#statements(report, this.#linksOf(report), { ...times, isAgain: true });
  }

  /** Forgets what its copies said, and what its clients dialled. @returns as `take` */
  forget(): ReadonlySet<string> {
    this.#dialled.forgetAsker(this.#probe);
    return this.#dialled.note(this.#probe, new Map());
  }

  #linksOf(report: Report): ReportLinks {
    const processes = report.topologies.get('Process')?.nodes;
    return new ReportLinks(
      nodesOf(report),
      {
        host: hostOf(report),
        processName: (host, pid) =>
          processes?.get(processNodeId(host, pid))?.latest?.get('name')?.value ?? '',
        serverBehind: (dialled, client) => this.#dialled.find(this.#probe, dialled, client),
      },
      this.#facts,
    );
  }

  #statements(report: Report, links: ReportLinks, times: ReportTimes): HostStatements[] {
    const host = hostOf(report);
    this.#dialled.forgetAsker(this.#probe);
    const byHost = new Map<string, Link[]>();
    for (const link of links.links()) {
      const known = byHost.get(link.host);
      if (known === undefined) byHost.set(link.host, [link]);
      else known.push(link);
    }
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

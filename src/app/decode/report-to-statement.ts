/**
 * Reports in Scope's form, a Scope probe's or anybody's, turned into statements: from here on the app knows flows only. A report
 * may be of several hosts (one that an app merged is); each has statements of its own.
 */
import type { Node, Report } from '../../report/model/model.js';
import { parseNodeId, processNodeId } from '../../report/model/node-ids.js';
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
  readonly #ledgers = new Map<string, FlowLedger>();
  readonly #facts = new WeakMap<Node, EndpointFacts>();
  /** Endpoints of the last report by id, where their digest is known. */
  #endpoints = new Map<string, Kept>();
  #droppedHosts = 0;

  constructor(probe: string) {
    this.#probe = probe;
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

  /** @param digestOf of a node's bytes, where it is known */
  take(report: Report, times: ReportTimes, digestOf: (node: Node) => number | undefined): HostStatements[] {
    const nodes = report.topologies.get('Endpoint')?.nodes ?? new Map<string, Node>();
    this.#remember(nodes, digestOf, times.isWhole);
    const host = hostOf(report);
    const processes = report.topologies.get('Process')?.nodes;
    const processName = (name: string, pid: number): string =>
      processes?.get(processNodeId(name, pid))?.latest?.get('name')?.value ?? '';
    const byHost = new Map<string, Link[]>();
    for (const link of new ReportLinks(nodes, { host, processName }, this.#facts).links()) {
      const links = byHost.get(link.host);
      if (links === undefined) byHost.set(link.host, [link]);
      else links.push(link);
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

/** Name of the host that reports. Probes report of their own one; what is of several was merged before. */
function hostOf(report: Report): string {
  const hosts = report.topologies.get('Host')?.nodes;
  const [id] = hosts?.size === 1 ? hosts.keys() : [];
  return id === undefined ? '' : (parseNodeId(id)?.own ?? id);
}

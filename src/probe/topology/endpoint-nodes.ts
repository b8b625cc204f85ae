/**
 * Endpoint nodes under construction. What Scope does not know rides in extra `latest` keys, which it ignores:
 *
 *   on the client's endpoint  `bytes_sent` `bytes_received` `retransmits` (sums over all connections it stands for),
 *                             `rtt_us` `connect_us` (means over those that were measured), `direction_evidence`,
 *                             `conn_new` (how many of `conn_count` no earlier report had; absent: all),
 *                             `failed_count` `failed_reason`, `to_pid` (where several processes serve
 *                             the port; 0: one that is gone, and its PID another's)
 *   where nobody answers      `last_listener_name`; `last_listener_listens`: it still does
 *                             `mptcp_subflows` (of an MPTCP connection: how many it goes over, the most of several),
 *   on either                 `pid_evidence`; `exited_pid` `exited_name` in place of `pid`: the process that used it is
 *                             gone and its PID is another's; `holder_pids`: other processes that have its sockets open,
 *                             `listener_pids`: those that have the listening socket open, where several do, each with
 *                             `…_more` where there are more than are told
 */
import { hostNodeId, hostScope, loopbackScope } from '../../report/model/node-ids.js';
import type { DnsNames, Latest, Node, Timestamp } from '../../report/model/model.js';
import { addressText, isLinkLocalAddress, isLoopbackAddress } from '../records/address.js';
import { FIRST_GONE, type GoneProcess } from '../batch/process-identity.js';
import { DirectionEvidence, PidEvidence } from '../records/record.js';
import type { LastListener } from './last-listeners.js';
import { Holders } from './socket-holders.js';

export interface EndpointContext {
  readonly hostName: string;
  readonly now: Timestamp;
  /** Names known now for an address; asked once per address and report. */
  readonly names: (address: string) => DnsNames | undefined;
  /** Processes whose PID another one has, as `identifyProcesses` numbers them. Default: none. */
  readonly gone?: readonly GoneProcess[];
}

/** What the ids of all endpoints at one address begin with. */
export interface AddressScope {
  readonly scope: string;
  readonly address: string;
}

/** One end of an edge. */
export interface EdgeEnd {
  readonly id: string;
  /** A PID, or the number of a process that is gone; 0 unknown. */
  readonly pid: number;
  /** A `PidEvidence`. */
  readonly pidEvidence: number;
}

/** Numbers of an edge, as in `EdgeSums`, or sums of them. */
export interface EdgeNumbers {
  connections: number;
  /** Those of them that no earlier report had. */
  fresh: number;
  bytesSent: number;
  bytesReceived: number;
  retransmits: number;
  rttSum: number;
  rttCount: number;
  connectSum: number;
  connectCount: number;
  /** The most that an MPTCP connection goes over; 0: none of them is one. */
  subflows: number;
}

/** A process at an endpoint: the connections it was seen with, and how it is known. */
interface Holder {
  readonly pid: number;
  connections: number;
  evidence: number;
}

/** Most endpoints have one process and, when they are a client's, one edge: only further ones get collections. */
interface Draft {
  holder: Holder | undefined;
  otherHolders: Map<number, Holder> | undefined;
  /** Sums over the edges from here. */
  sums: EdgeNumbers | undefined;
  edges: number;
  /** Where the first of them leads, and the process there. */
  to: string;
  toPid: number;
  otherTos: Set<string> | undefined;
  /** Weakest of the edges. */
  evidence: number;
  failed: { to: string; count: number; reason: string }[] | undefined;
}

/** Of endpoints: other processes that have its sockets open; all that have the listening socket open. */
export type HoldersKey = 'holder_pids' | 'listener_pids';

/** PIDs told under such a key. */
const MAX_TOLD = 8;

const PID_EVIDENCE = namesOf(PidEvidence);
const DIRECTION_EVIDENCE = namesOf(DirectionEvidence);

/** `TableScan` → `table-scan` */
function namesOf(values: Readonly<Record<string, number>>): Map<number, string> {
  return new Map(
    Object.entries(values).map(([name, value]) => [
      value,
      name.replaceAll(/(?!^)[A-Z]/g, (capital) => `-${capital}`).toLowerCase(),
    ]),
  );
}

export class EndpointNodes {
  readonly dns = new Map<string, DnsNames>();
  readonly #drafts = new Map<string, Draft>();
  readonly #holders: Record<HoldersKey, Map<string, Holders>> = {
    holder_pids: new Map(),
    listener_pids: new Map(),
  };
  readonly #lastListeners = new Map<string, LastListener>();
  readonly addresses = new Set<string>();
  /** Facts that many nodes have, by their value. */
  readonly #facts = new Map<string | number, Latest>();

  constructor(private readonly context: EndpointContext) {}

  /**
   * The address at `at` in `words`.
   * @param netns inode, for loopback addresses
   * @param isSpace other addresses are those of this namespace only, too
   */
  scopeOf(words: Int32Array, at: number, netns: number, isSpace = false): AddressScope {
    const { hostName, names } = this.context;
    const address = addressText(words, at);
    if (!this.addresses.has(address)) {
      this.addresses.add(address);
      const known = names(address);
      if (known !== undefined) this.dns.set(address, known);
    }
    if (isSpace || isLoopbackAddress(words, at)) return { scope: loopbackScope(hostName, netns), address };
    return { scope: isLinkLocalAddress(words, at) ? hostScope(hostName) : '', address };
  }

  /** @param evidence a `DirectionEvidence`. @param numbers are kept and may be changed. */
  addEdge(from: EdgeEnd, to: EdgeEnd, evidence: number, numbers: EdgeNumbers): void {
    const { connections } = numbers;
    this.#draft(to, connections);
    const draft = this.#draft(from, connections);
    if (draft.edges++ === 0) {
      draft.sums = numbers;
      draft.to = to.id;
      draft.toPid = to.pid;
      draft.evidence = evidence;
      return;
    }
    if (draft.sums !== undefined) addNumbers(draft.sums, numbers);
    draft.evidence = Math.min(draft.evidence, evidence);
    if (to.id !== draft.to) (draft.otherTos ??= new Set()).add(to.id);
  }

  /** An edge of connects that never were established. */
  addFailed(from: EdgeEnd, to: string, count: number, reason: string): void {
    this.#draft({ id: to, pid: 0, pidEvidence: PidEvidence.None }, 0);
    (this.#draft(from, 0).failed ??= []).push({ to, count, reason });
  }

  /** Whether connections or failed connects from this endpoint lead to another one than `to`. */
  leadsElsewhere(id: string, to: string): boolean {
    const draft = this.#drafts.get(id);
    if (draft === undefined) return false;
    return adjacencyOf(draft).some((known) => known !== to);
  }

  /** Of an endpoint that was dialled in vain. */
  addLastListener(id: string, listener: LastListener | undefined): void {
    if (listener !== undefined) this.#lastListeners.set(id, listener);
  }

  /** To an endpoint that has an edge. */
  addHolders(id: string, key: HoldersKey, { pids, more }: Holders): void {
    let known = this.#holders[key].get(id);
    if (known === undefined) this.#holders[key].set(id, (known = new Holders()));
    known.add(pids, more);
  }

  build(): Map<string, Node> {
    const host = this.#fact(hostNodeId(this.context.hostName));
    const nodes = new Map<string, Node>();
    for (const [id, draft] of this.#drafts) {
      const latest = new Map<string, Latest>();
      const holder = mostSeen(draft);
      if (holder !== undefined) {
        this.#setProcess(holder.pid, latest);
        latest.set('host_node_id', host);
        latest.set('pid_evidence', this.#fact(PID_EVIDENCE.get(holder.evidence) ?? ''));
      }
      this.#setHolders('holder_pids', id, latest, holder?.pid);
      this.#setHolders('listener_pids', id, latest);
      this.#setLastListener(id, latest);
      if (draft.sums !== undefined) this.#setNumbers(draft, draft.sums, latest);
      if (draft.failed !== undefined) this.#setFailures(draft, draft.failed, latest);
      nodes.set(id, nodeOf(id, latest, adjacencyOf(draft)));
    }
    return nodes;
  }

  #setLastListener(id: string, latest: Map<string, Latest>): void {
    const listener = this.#lastListeners.get(id);
    if (listener === undefined) return;
    latest.set('last_listener_name', this.#fact(listener.name));
    if (listener.isListening) latest.set('last_listener_listens', this.#fact('yes'));
  }

  #setProcess(pid: number, latest: Map<string, Latest>): void {
    if (pid < FIRST_GONE) {
      latest.set('pid', this.#fact(pid));
      return;
    }
    const gone = this.context.gone?.[pid - FIRST_GONE];
    if (gone === undefined) return;
    latest.set('exited_pid', this.#fact(gone.pid));
    if (gone.name !== '') latest.set('exited_name', this.#fact(gone.name));
  }

  /** @param except is told as the endpoint's process */
  #setHolders(key: HoldersKey, id: string, latest: Map<string, Latest>, except?: number): void {
    const holders = this.#holders[key].get(id);
    if (holders === undefined) return;
    const pids = [...holders.pids].filter((pid) => pid !== except).sort((a, b) => a - b);
    if (pids.length === 0) return;
    latest.set(key, this.#fact(pids.slice(0, MAX_TOLD).join(' ')));
    const more = Math.max(0, pids.length - MAX_TOLD) + holders.more;
    if (more > 0) latest.set(`${key}_more`, this.#fact(more));
  }

  #draft({ id, pid, pidEvidence }: EdgeEnd, connections: number): Draft {
    let draft = this.#drafts.get(id);
    if (draft === undefined) this.#drafts.set(id, (draft = newDraft()));
    if (pid === 0) return draft;
    let holder = draft.holder;
    if (holder !== undefined && holder.pid !== pid) holder = draft.otherHolders?.get(pid);
    if (holder !== undefined) {
      holder.connections += connections;
      holder.evidence = Math.max(holder.evidence, pidEvidence);
      return draft;
    }
    const added: Holder = { pid, connections, evidence: pidEvidence };
    if (draft.holder === undefined) draft.holder = added;
    else (draft.otherHolders ??= new Map()).set(pid, added);
    return draft;
  }

  /** One object per value and report. */
  #fact(value: string | number): Latest {
    let fact = this.#facts.get(value);
    if (fact === undefined)
      this.#facts.set(value, (fact = { timestamp: this.context.now, value: String(value) }));
    return fact;
  }

  #setNumbers(draft: Draft, sums: EdgeNumbers, latest: Map<string, Latest>): void {
    const { now } = this.context;
    const set = (key: string, value: number): void => {
      if (value !== 0) latest.set(key, { timestamp: now, value: String(value) });
    };
    const { connections, fresh } = sums;
    if (connections > 1) latest.set('conn_count', this.#fact(connections));
    if (fresh < connections) latest.set('conn_new', this.#fact(fresh));
    set('bytes_sent', sums.bytesSent);
    set('bytes_received', sums.bytesReceived);
    set('retransmits', sums.retransmits);
    if (sums.rttCount > 0) set('rtt_us', Math.round(sums.rttSum / sums.rttCount));
    if (sums.connectCount > 0) set('connect_us', Math.round(sums.connectSum / sums.connectCount));
    if (sums.subflows > 0) latest.set('mptcp_subflows', this.#fact(sums.subflows));
    latest.set('direction_evidence', this.#fact(DIRECTION_EVIDENCE.get(draft.evidence) ?? ''));
    const isServedByMany = draft.edges === 1 && this.#drafts.get(draft.to)?.otherHolders !== undefined;
    if (isServedByMany && draft.toPid !== 0)
      latest.set('to_pid', this.#fact(draft.toPid < FIRST_GONE ? draft.toPid : 0));
  }

  /** `conn_count` is 0, not absent: absent means one connection, and here was none. */
  #setFailures(
    draft: Draft,
    failed: readonly { count: number; reason: string }[],
    latest: Map<string, Latest>,
  ): void {
    if (draft.edges === 0) latest.set('conn_count', this.#fact(0));
    latest.set('failed_count', this.#fact(failed.reduce((total, { count }) => total + count, 0)));
    latest.set(
      'failed_reason',
      this.#fact([...new Set(failed.map(({ reason }) => reason))].sort().join(', ')),
    );
  }
}

function newDraft(): Draft {
  return {
    holder: undefined,
    otherHolders: undefined,
    sums: undefined,
    edges: 0,
    to: '',
    toPid: 0,
    otherTos: undefined,
    evidence: 0,
    failed: undefined,
  };
}

function addNumbers(sums: EdgeNumbers, numbers: EdgeNumbers): void {
  sums.connections += numbers.connections;
  sums.fresh += numbers.fresh;
  sums.bytesSent += numbers.bytesSent;
  sums.bytesReceived += numbers.bytesReceived;
  sums.retransmits += numbers.retransmits;
  sums.rttSum += numbers.rttSum;
  sums.rttCount += numbers.rttCount;
  sums.connectSum += numbers.connectSum;
  sums.connectCount += numbers.connectCount;
  sums.subflows = Math.max(sums.subflows, numbers.subflows);
}

function adjacencyOf({ edges, to, otherTos, failed }: Draft): string[] {
  const first = edges > 0 ? [to] : [];
  if (otherTos === undefined && failed === undefined) return first;
  return [...new Set([...first, ...(otherTos ?? []), ...(failed ?? []).map((one) => one.to)])].sort();
}

function nodeOf(id: string, latest: Map<string, Latest>, adjacency: string[]): Node {
  if (adjacency.length > 0) {
    return latest.size > 0
      ? { id, topology: 'endpoint', latest, adjacency }
      : { id, topology: 'endpoint', adjacency };
  }
  return latest.size > 0 ? { id, topology: 'endpoint', latest } : { id, topology: 'endpoint' };
}

/**
 * A listening port can have several processes behind it; the node has room for one: one that still has its PID, the one
 * seen most, then the lowest.
 */
function mostSeen({ holder, otherHolders }: Draft): Holder | undefined {
  let best = holder;
  for (const one of otherHolders?.values() ?? []) if (best === undefined || isBetter(one, best)) best = one;
  return best;
}

function isBetter(a: Holder, b: Holder): boolean {
  if (a.pid < FIRST_GONE !== b.pid < FIRST_GONE) return a.pid < FIRST_GONE;
  return a.connections > b.connections || (a.connections === b.connections && a.pid < b.pid);
}

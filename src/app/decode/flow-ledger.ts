/**
 * One host's flows as reports in Scope's form tell of them, made into statements. A report has gauges: how many connections
 * each client port stands for now. Here they become totals, which grow with what is new:
 *
 *   a port that the last report had not     its connections are new
 *   one whose count grew                    the difference is new
 *   one that a whole report lacks           it was there for the last time in the report before: it ends at that one's time
 *
 * So two statements come of one report: what ended, as of the report before, and what is there now. Our own probes say of
 * each port how many connections are new; thinned groups of Scope's are counted as a whole, as another port may stand for
 * the same connections next time.
 */
import { Num, NUMBERS, type FlowDefinition } from '../../flows/flow.js';
import { NO_ANSWER } from '../../flows/window.js';
import { STATEMENT_VERSION, type StatedFlow, type Statement } from '../../flows/statement.js';
import {
  addFailures,
  hasThinned,
  lacksPorts,
  liveOf,
  movePorts,
  replacePorts,
  sameFacts,
  saysTheSame,
  setGauges,
  stateOf,
  type DefinitionsByPort,
  type Entry,
  type Told,
} from './flow-entry.js';
import type { PortFacts } from './port-facts.js';
import type { Link } from './report-links.js';

/** A statement and the time that it is of, by the app's clock. */
export interface TimedStatement {
  readonly statement: Statement;
  readonly atMs: number;
}

export interface ReportTimes {
  /** When the report arrived, by the app's clock, milliseconds. */
  readonly atMs: number;
  readonly intervalMs: number;
  /** Time after which nobody asks any more for what is over. */
  readonly windowMs: number;
  /** Whether flows that it does not have are over. */
  readonly isWhole: boolean;
  /** It was taken before: what it says is new is new only where it was not told of then. */
  readonly isAgain?: boolean;
}

export class FlowLedger {
  readonly #probe: string;
  readonly #host: string;
  readonly #entries = new Map<string, Entry>();
  #epoch = 0;
  #seq = 0;
  #lastAtMs = 0;
  #nextId = 1;

  /** @param probe name of the stream of statements */
  constructor(probe: string, host: string) {
    this.#probe = probe;
    this.#host = host;
  }

  /** Statements of one report, in order. */
  take(links: readonly Link[], times: ReportTimes): TimedStatement[] {
    const { atMs } = times;
    if (this.#seq === 0) this.#epoch = this.#lastAtMs = atMs;
    const told = flowsOf(links);
    const ended: StatedFlow[] = [];
    const stated: StatedFlow[] = [];
    const gone: number[] = [];
    // Looked for only when some port is not where it was.
    let byPort: DefinitionsByPort | undefined;
    const left = new Set<string>();
    /** Connections of thinned flows that other ports stand for now. */
    const carried = new Map<string, number>();
    for (const [key, entry] of this.#entries) {
      const now = told.get(key);
      const isLacking = lacksPorts(entry.ports, now?.ports);
      if (isLacking && movePorts(entry, now?.ports, (byPort ??= definitionsByPort(links)))) left.add(key);
      if (
        isLacking &&
        times.isWhole &&
        now !== undefined &&
        (hasThinned(entry.ports) || hasThinned(now.ports))
      ) {
        const before = liveOf(entry.ports);
        carried.set(key, Math.min(before, liveOf(now.ports)));
        if (replacePorts(entry, now.ports)) ended.push({ id: entry.id, state: stateOf(entry) });
        continue;
      }
      const mayEnd = (isLacking && times.isWhole) || entry.failedAtMs.size > 0;
      const hasEnded = mayEnd && this.#endPorts(entry, times.isWhole ? now?.ports : entry.ports, times);
      if (hasEnded) ended.push({ id: entry.id, state: stateOf(entry) });
      if (now !== undefined || entry.ports.size > 0 || entry.toldAtMs >= atMs - times.windowMs) continue;
      this.#entries.delete(key);
      gone.push(entry.id);
    }
    for (const [key, flow] of told)
      stated.push(...this.#tell(key, flow, left.delete(key), times, carried.get(key)));
    for (const key of left) {
      const entry = this.#entries.get(key);
      if (entry !== undefined) stated.push({ id: entry.id, state: stateOf(entry) });
    }
    const statements: TimedStatement[] = [];
    if (ended.length > 0) statements.push(this.#statement(ended, [], this.#lastAtMs, times));
    statements.push(this.#statement(stated, gone, atMs, times));
    this.#lastAtMs = atMs;
    return statements;
  }

  /**
   * Connections of the last report that belong to other flows now, as more is known of them.
   * @param before links that the last report had of these clients @param now what they are
   */
  move(before: readonly Link[], now: readonly Link[], times: ReportTimes): TimedStatement[] {
    const told = flowsOf(now);
    const byPort = definitionsByPort(now);
    const left = new Set<string>();
    const ports = flowsOf(before);
    for (const [key, flow] of ports) {
      const entry = this.#entries.get(key);
      if (entry === undefined) continue;
      const others = new Map(entry.ports);
      for (const port of flow.ports.keys()) if (told.get(key)?.ports.has(port) !== true) others.delete(port);
      if (movePorts(entry, others, byPort)) left.add(key);
    }
    const stated: StatedFlow[] = [];
    const again = { ...times, isAgain: true };
    for (const [key, flow] of told) stated.push(...this.#tell(key, flow, left.delete(key), again));
    for (const key of left) {
      const entry = this.#entries.get(key);
      if (entry !== undefined) stated.push({ id: entry.id, state: stateOf(entry) });
    }
    return stated.length === 0 ? [] : [this.#statement(stated, [], this.#lastAtMs, times)];
  }

  #statement(flows: StatedFlow[], gone: number[], atMs: number, { intervalMs }: ReportTimes): TimedStatement {
    const byId = (a: { id: number }, b: { id: number }): number => a.id - b.id;
    const base = this.#seq++;
    const statement: Statement = {
      version: STATEMENT_VERSION,
      probe: this.#probe,
      epoch: this.#epoch,
      seq: this.#seq,
      base,
      host: this.#host,
      atMs,
      intervalMs,
      flows: flows.sort(byId),
      gone: gone.sort((a, b) => a - b),
      facts: new Map(),
      dns: new Map(),
    };
    return { statement, atMs };
  }

  /** Ends ports that are not in `left`. @returns whether any ended */
  #endPorts(
    entry: Entry,
    left: ReadonlyMap<number, unknown> | undefined,
    { atMs, windowMs }: ReportTimes,
  ): boolean {
    let hasEnded = false;
    for (const [port, facts] of entry.ports) {
      const isLeft = left?.has(port) === true;
      const failedAtMs = entry.failedAtMs.get(port);
      // Who is still dialling fails now, not when it was first heard of.
      const isWaiting = facts.failedReason === NO_ANSWER;
      const failsOn = isLeft && !isWaiting && failedAtMs !== undefined && failedAtMs < atMs - windowMs / 2;
      if (isLeft && !failsOn) continue;
      hasEnded = true;
      if (failsOn) {
        addFailures(entry, facts, -1);
        entry.ports.set(port, { ...facts, failed: 0 });
        entry.failedAtMs.delete(port);
        continue;
      }
      if (isWaiting) addFailures(entry, facts, -1);
      entry.ports.delete(port);
      entry.failedAtMs.delete(port);
      entry.numbers[Num.Closed]! += facts.connections;
    }
    if (hasEnded) setGauges(entry);
    return hasEnded;
  }

  #tell(
    key: string,
    { definition, ports }: Told,
    isChanged: boolean,
    times: ReportTimes,
    carried?: number,
  ): StatedFlow[] {
    const known = this.#entries.get(key);
    const isRedefined = known !== undefined && !sameFacts(known.definition, definition);
    if (known !== undefined && !isChanged && !isRedefined && saysTheSame(known.ports, ports)) {
      known.toldAtMs = times.atMs;
      return [];
    }
    const entry = known ?? this.#added(key, definition);
    const isThinned = hasThinned(entry.ports) || hasThinned(ports);
    const liveBefore = carried ?? liveOf(entry.ports);
    let begun = 0;
    for (const [port, facts] of ports) begun += this.#tellPort(entry, port, facts, isThinned, times);
    if (isThinned) {
      begun = Math.max(0, liveOf(entry.ports) - liveBefore);
      entry.numbers[Num.Adopted]! += begun;
    }
    entry.numbers[Num.Closed]! += Math.max(0, liveBefore + begun - liveOf(entry.ports));
    setGauges(entry);
    entry.toldAtMs = times.atMs;
    if (isRedefined) this.#entries.set(key, { ...entry, definition });
    const state = stateOf(entry);
    return [
      known === undefined || isRedefined ? { id: entry.id, definition, state } : { id: entry.id, state },
    ];
  }

  /** @returns how many connections are new */
  #tellPort(
    entry: Entry,
    port: number,
    facts: PortFacts,
    isThinned: boolean,
    { atMs, isAgain = false }: ReportTimes,
  ): number {
    const { numbers } = entry;
    const old = entry.ports.get(port);
    const fresh = isAgain && old !== undefined && facts.fresh !== undefined ? 0 : facts.fresh;
    const grown = Math.max(0, facts.connections - (old?.connections ?? 0));
    const begun = isThinned ? grown : (fresh ?? grown);
    if (!isThinned) {
      numbers[Num.Opened]! += fresh ?? 0;
      // Those that our probe had reported before, but nobody here was told of.
      numbers[Num.Adopted]! += fresh === undefined ? grown : Math.max(0, grown - fresh);
    }
    const since = (now: number, then = 0): number => Math.max(0, now - then);
    numbers[Num.BytesSent]! += since(facts.bytesSent, old?.bytesSent);
    numbers[Num.BytesReceived]! += since(facts.bytesReceived, old?.bytesReceived);
    numbers[Num.Retransmits]! += since(facts.retransmits, old?.retransmits);
    if (facts.connectMicros !== undefined) {
      const measured = Math.max(begun, grown);
      numbers[Num.ConnectMicrosSum]! += facts.connectMicros * measured;
      numbers[Num.ConnectCount]! += measured;
    }
    const failed = { ...facts, failed: since(facts.failed, old?.failed) };
    if (failed.failed > 0) {
      addFailures(entry, failed, 1);
      entry.failedAtMs.set(port, atMs);
    }
    entry.ports.set(port, facts);
    return isThinned ? 0 : Math.max(begun, grown);
  }

  #added(key: string, definition: FlowDefinition): Entry {
    const entry: Entry = {
      id: this.#nextId++,
      definition,
      ports: new Map(),
      numbers: new Float64Array(NUMBERS),
      failed: new Map(),
      failedAtMs: new Map(),
      toldAtMs: 0,
    };
    this.#entries.set(key, entry);
    return entry;
  }
}

function flowsOf(links: readonly Link[]): Map<string, Told> {
  const flows = new Map<string, Told>();
  for (const link of links) {
    let flow = flows.get(link.key);
    if (flow === undefined) flows.set(link.key, (flow = { definition: link.definition, ports: new Map() }));
    flow.ports.set(link.clientPort, link.facts);
  }
  return flows;
}

function definitionsByPort(links: readonly Link[]): DefinitionsByPort {
  const definitions = new Map<string, Map<number, FlowDefinition[]>>();
  for (const { definition, clientPort } of links) {
    const { address } = definition.client;
    let byPort = definitions.get(address);
    if (byPort === undefined) definitions.set(address, (byPort = new Map<number, FlowDefinition[]>()));
    const known = byPort.get(clientPort);
    if (known === undefined) byPort.set(clientPort, [definition]);
    else known.push(definition);
  }
  return definitions;
}

/**
 * One flow of a host as its reports have it: its client ports now, the totals that came of them, and what becomes of these when
 * ports go, move to other flows, or are replaced by others of a thinned group.
 */
import { NO_PORTS, Num, type FlowDefinition, type FlowNumbers, type FlowState } from '../../flows/flow.js';
import { NO_ANSWER } from '../../flows/window.js';
import { addressPort } from '../../report/model/address-port.js';
import { isSamePort, type PortFacts } from './port-facts.js';
import { flowPortsOf } from './whole-or-thinned-ports.js';

/** A flow as one report has it. */
export interface Told {
  readonly definition: FlowDefinition;
  readonly ports: Map<number, PortFacts>;
}

export interface Entry extends Told {
  readonly id: number;
  readonly numbers: FlowNumbers;
  readonly failed: Map<string, number>;
  /** Port → when its failed connects were counted last. */
  readonly failedAtMs: Map<number, number>;
  /** When a report had it last. */
  toldAtMs: number;
}

/** Client address → its port → the flows that a report has of it. */
export type DefinitionsByPort = ReadonlyMap<string, ReadonlyMap<number, readonly FlowDefinition[]>>;

/**
 * A connection of which the process, or the server behind the address, is known now belongs to another flow: it leaves this
 * one as if it had never been here. @returns whether any did
 */
export function movePorts(
  entry: Entry,
  now: ReadonlyMap<number, unknown> | undefined,
  byPort: DefinitionsByPort,
): boolean {
  const { numbers, definition } = entry;
  const ofClient = byPort.get(definition.client.address);
  let hasMoved = false;
  for (const [port, facts] of entry.ports) {
    if (now?.has(port) === true) continue;
    const others = ofClient?.get(port);
    if (others?.some((other) => isSameConnection(definition, other)) !== true) continue;
    hasMoved = true;
    const leave = (place: number, count: number): void => {
      numbers[place] = Math.max(0, numbers[place]! - count);
    };
    const opened = Math.min(numbers[Num.Opened]!, facts.connections);
    leave(Num.Opened, opened);
    leave(Num.Adopted, facts.connections - opened);
    leave(Num.BytesSent, facts.bytesSent);
    leave(Num.BytesReceived, facts.bytesReceived);
    leave(Num.Retransmits, facts.retransmits);
    leave(Num.ConnectMicrosSum, (facts.connectMicros ?? 0) * facts.connections);
    leave(Num.ConnectCount, facts.connectMicros === undefined ? 0 : facts.connections);
    addFailures(entry, facts, -1);
    entry.ports.delete(port);
    entry.failedAtMs.delete(port);
  }
  if (hasMoved) setGauges(entry);
  return hasMoved;
}

export function lacksPorts(
  known: ReadonlyMap<number, PortFacts>,
  now: ReadonlyMap<number, PortFacts> | undefined,
): boolean {
  if (now === undefined) return known.size > 0;
  for (const port of known.keys()) if (!now.has(port)) return true;
  return false;
}

/** Whether two flows of one client port lead to one server, or by way of one dialled address. */
function isSameConnection(a: FlowDefinition, b: FlowDefinition): boolean {
  if (a.kind !== b.kind) return false;
  const [atA, atB] = [
    addressPort(a.server.address, a.server.port),
    addressPort(b.server.address, b.server.port),
  ];
  return atA === atB || b.via === atA || a.via === atB || (a.via !== '' && a.via === b.via);
}

/** Whether the ports that a report has of a flow are all as they were, and nothing of them is new. */
export function saysTheSame(
  known: ReadonlyMap<number, PortFacts>,
  ports: ReadonlyMap<number, PortFacts>,
): boolean {
  for (const [port, facts] of ports) {
    if (facts.fresh !== undefined && facts.fresh > 0) return false;
    const before = known.get(port);
    if (before === undefined || !isSamePort(before, facts)) return false;
  }
  return true;
}

export function hasThinned(ports: ReadonlyMap<number, PortFacts>): boolean {
  for (const { fresh, connections } of ports.values())
    if (fresh === undefined && connections > 1) return true;
  return false;
}

/**
 * Lets go of ports of a thinned flow that others stand for now. What there is less of ended with the last report.
 * @returns whether anything did
 */
export function replacePorts(entry: Entry, now: ReadonlyMap<number, PortFacts>): boolean {
  const { ports, numbers } = entry;
  const lost = liveOf(ports) - liveOf(now);
  for (const [port, facts] of ports) {
    if (now.has(port)) continue;
    if (facts.failedReason === NO_ANSWER) addFailures(entry, facts, -1);
    ports.delete(port);
    entry.failedAtMs.delete(port);
  }
  if (lost <= 0) return false;
  numbers[Num.Closed]! += lost;
  setGauges(entry);
  numbers[Num.Live] = liveOf(now);
  return true;
}

export function addFailures(
  { failed }: Entry,
  { failed: count, failedReason }: PortFacts,
  sign: 1 | -1,
): void {
  failed.set(failedReason, Math.max(0, (failed.get(failedReason) ?? 0) + sign * count));
}

export function liveOf(ports: ReadonlyMap<number, PortFacts>): number {
  let live = 0;
  for (const { connections } of ports.values()) live += connections;
  return live;
}

export function setGauges({ numbers, ports }: Entry): void {
  let rttSum = 0;
  let rttCount = 0;
  for (const { rttMicros, connections } of ports.values()) {
    if (rttMicros === undefined) continue;
    rttSum += rttMicros * connections;
    rttCount += connections;
  }
  numbers[Num.Live] = liveOf(ports);
  numbers[Num.RttMicrosSum] = rttSum;
  numbers[Num.RttCount] = rttCount;
}

/** A copy: what is handed out must not change. */
export function stateOf({ definition, numbers, failed, ports: all }: Entry): FlowState {
  const ports =
    all.size === 0
      ? NO_PORTS
      : flowPortsOf(new Map(Array.from(all, ([port, one]) => [port, one.connections])));
  const state = { numbers: numbers.slice(), failed: new Map(failed), ports };
  if (definition.kind === 'ends') return state;
  const portPairs = Uint16Array.from(ports.ports, (port) => all.get(port)?.seenPort ?? port);
  return { ...state, portPairs };
}

/** What is no part of a flow's key. */
export function sameFacts(a: FlowDefinition, b: FlowDefinition): boolean {
  return (
    a.client.process?.name === b.client.process?.name &&
    a.server.process?.name === b.server.process?.name &&
    a.server.evidence === b.server.evidence &&
    sameTexts(a.client.facts, b.client.facts) &&
    sameTexts(a.server.facts, b.server.facts)
  );
}

function sameTexts(
  a: ReadonlyMap<string, string> | undefined,
  b: ReadonlyMap<string, string> | undefined,
): boolean {
  if (a === b) return true;
  if (a?.size !== b?.size) return false;
  for (const [key, value] of a ?? []) if (b?.get(key) !== value) return false;
  return true;
}

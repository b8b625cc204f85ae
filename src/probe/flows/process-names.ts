/**
 * Names of the processes at the ends of flows: from the process list, else the last name there, else the kernel's name in a
 * record.
 */
import { FACT, latestOf } from '../../report/keys.js';
import type { Latest, Node, Timestamp, Topology } from '../../report/model/model.js';
import { hostNodeId, processNodeId } from '../../report/model/node-ids.js';
import type { BookedProcess, ProcessBook } from './process-book.js';

export interface ProcessKnowledge {
  /** Start of the PID's current process, in clock ticks after boot; undefined: none, or unknown. */
  readonly startTicksOf: (pid: number) => number | undefined;
  /** The name of an ended process. @param comm from a record */
  readonly formerName: (pid: number, startTicks: number | undefined, comm: string) => string;
}

/** The most nodes of ended processes; beyond that, edges lead to bare PIDs. */
const MAX_FORMER = 10_000;

export class ProcessNames {
  /** By number of the process. */
  readonly #names: string[] = [];
  /** By number: the process has ended and keeps its name. */
  readonly #isFormer: boolean[] = [];
  readonly #known: BookedProcess[] = [];

  constructor(
    private readonly book: ProcessBook,
    private readonly knowledge: ProcessKnowledge,
  ) {}

  /** Empty: unknown. */
  nameOf(number: number): string {
    return this.#names[number] ?? '';
  }

  /** Whether the process has ended: its PID is free, or of another process. */
  hasEnded(number: number): boolean {
    return this.#isFormer[number] === true;
  }

  /**
   * Looks the names up.
   * @param processes the current ones
   * @returns numbers of the processes whose names changed
   */
  update(processes: Topology | undefined, hostName: string): Set<number> {
    const renamed = new Set<number>();
    for (const number of this.book.numbers()) {
      const process = this.book.process(number);
      const { pid, startTicks, comm } = process;
      if (this.#known[number] !== process) this.#forget(number, process);
      if (this.#isFormer[number] === true) continue;
      const node = processes?.nodes.get(processNodeId(hostName, pid));
      const startNow = this.knowledge.startTicksOf(pid);
      const isThere =
        node !== undefined && (startTicks === 0 || startNow === undefined || startNow === startTicks);
      const name = isThere
        ? (latestOf(node, FACT.name) ?? '')
        : comm === ''
          ? ''
          : this.knowledge.formerName(pid, startTicks === 0 ? undefined : startTicks, comm);
      if (!isThere && processes !== undefined) this.#isFormer[number] = true;
      if (name === this.#names[number]) continue;
      this.#names[number] = name;
      renamed.add(number);
    }
    return renamed;
  }

  /** Nodes of ended processes with connections, unless another process has the PID now. */
  formerNodes(processes: Topology | undefined, hostName: string, now: Timestamp): Map<string, Node> {
    const nodes = new Map<string, Node>();
    const host: Latest = { timestamp: now, value: hostNodeId(hostName) };
    for (const number of this.book.numbers()) {
      if (nodes.size >= MAX_FORMER) break;
      const { pid, startTicks } = this.book.process(number);
      const id = processNodeId(hostName, pid);
      const name = this.nameOf(number);
      if (!this.hasEnded(number) || name === '' || processes?.nodes.has(id) === true) continue;
      nodes.set(id, {
        id,
        topology: 'process',
        latest: new Map([
          [FACT.pid, { timestamp: now, value: String(pid) }],
          [FACT.name, { timestamp: now, value: name }],
          [FACT.hostNodeId, host],
          ...(startTicks > 0
            ? [[FACT.startTicks, { timestamp: now, value: String(startTicks) }] as const]
            : []),
        ]),
      });
    }
    return nodes;
  }

  /** The number has another process now. */
  #forget(number: number, process: BookedProcess): void {
    this.#known[number] = process;
    this.#names[number] = '';
    this.#isFormer[number] = false;
  }
}

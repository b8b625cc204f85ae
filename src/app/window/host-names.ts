/**
 * Gives each arriving report the name that its machine has here: see machines.ts. What a probe said before is kept under
 * that name, so its next report's nodes are looked up under it.
 */
import { parseNodeId, renamedId, renameHost } from '../../report/index.js';
import { FACT, latestOf } from '../../report/keys.js';
import type { Node, Report } from '../../report/model/model.js';
import { AppError } from '../errors.js';
import { Machines, type MachineFacts } from './machines.js';

interface Rename {
  readonly from: string;
  readonly to: string;
}

const PROBES_MOST = 20_000;
const NO_FACTS: MachineFacts = { machine: undefined, source: undefined, boot: undefined };

export class HostNames {
  readonly #machines: Machines;
  /** By probe; only of those whose name is another one here. */
  readonly #renames = new Map<string, Rename>();
  /** By probe; of those that send statements. */
  readonly #facts = new Map<string, MachineFacts>();

  /** @param togetherMs machines that are heard within this time have a name at one time */
  constructor(togetherMs: number) {
    this.#machines = new Machines(togetherMs);
  }

  /** The id here of what a probe calls `id`, as of its last report. */
  idHere(probe: string, id: string): string {
    const rename = this.#renames.get(probe);
    return rename === undefined ? id : renamedId(id, rename.from, rename.to);
  }

  /** The name here of a host that a probe calls `name`, as of its last word. */
  hostHere(probe: string, name: string): string {
    const rename = this.#renames.get(probe);
    return rename?.from === name ? rename.to : name;
  }

  /**
   * The name here of the machine that a statement is of.
   * @param facts undefined: those of the probe's last statement
   * @throws AppError WRONG_SHAPE for a host without a name
   */
  nameOf(probe: string, name: string, facts: MachineFacts | undefined, nowMs: number): string {
    if (name === '') throw new AppError('WRONG_SHAPE', 'refused a statement whose host has no name');
    const known = facts ?? this.#facts.get(probe) ?? NO_FACTS;
    this.#facts.delete(probe);
    this.#facts.set(probe, known);
    if (this.#facts.size > PROBES_MOST) this.#facts.delete(this.#facts.keys().next().value!);
    const to = this.#machines.nameOf(name, known, nowMs);
    this.#rename(probe, name, to);
    return to;
  }

  /** What the probe itself calls its host, where that is another name than here. */
  nameThere(probe: string): string | undefined {
    return this.#renames.get(probe)?.from;
  }

  /**
   * @param renamed told of each node that became another one
   * @throws AppError WRONG_SHAPE for a host without a name
   */
  named(probe: string, report: Report, nowMs: number, renamed: (before: Node, after: Node) => void): Report {
    const hosts = report.topologies.get('Host')?.nodes;
    const [host] = hosts?.values() ?? [];
    const from = host === undefined ? undefined : parseNodeId(host.id)?.own;
    // Reports of a cluster, and those that were joined, are of several hosts or none.
    if (host === undefined || from === undefined || hosts?.size !== 1) return report;
    if (from === '') throw new AppError('WRONG_SHAPE', 'refused a report whose host has no name');
    const to = this.#machines.nameOf(from, machineFactsOf(host), nowMs);
    const before = this.#renames.get(probe);
    this.#rename(probe, from, to);
    // Nodes that were recalled have the name of the last report.
    const isOther = before !== undefined && before.to !== to;
    const recalled = isOther ? renameHost(report, before.to, to, renamed) : report;
    if (to === from) return recalled;
    return renameHost(recalled, from, to, renamed);
  }

  forget(probe: string): void {
    this.#renames.delete(probe);
    this.#facts.delete(probe);
  }

  #rename(probe: string, from: string, to: string): void {
    this.#renames.delete(probe);
    if (to === from) return;
    this.#renames.set(probe, { from, to });
    if (this.#renames.size > PROBES_MOST) this.#renames.delete(this.#renames.keys().next().value!);
  }
}

/** What a host's node says of its machine. */
export function machineFactsOf(host: Node): MachineFacts {
  return {
    machine: latestOf(host, FACT.machineId),
    source: latestOf(host, FACT.machineIdFrom),
    boot: latestOf(host, FACT.bootId),
  };
}

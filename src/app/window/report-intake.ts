/**
 * Reports in Scope's form on their way into the flow store: each becomes statements of its hosts, under the names that these have
 * here.
 */
import type { Statement } from '../../flows/statement.js';
import type { Node, Report } from '../../report/model/model.js';
import { DialledServers } from '../decode/dialled-servers.js';
import type { ReportTimes } from '../decode/flow-ledger.js';
import { ReportedFlows, type HostStatements } from '../decode/report-to-statement.js';
import type { FlowStore } from '../flows/flow-store.js';
import { renameStatement } from './rename-statement.js';

type DigestOf = (node: Node) => number | undefined;

export class ReportIntake {
  readonly #flows: FlowStore;
  readonly #nameHere: (probe: string, host: string) => string;
  readonly #heard: (statement: Statement) => void;
  readonly #dialled = new DialledServers();
  readonly #reported = new Map<string, ReportedFlows>();
  #endpoints = 0;

  /**
   * @param nameHere what a host is called here that a probe calls so
   * @param heard gets each statement that is taken in
   */
  constructor(
    flows: FlowStore,
    nameHere: (probe: string, host: string) => string,
    heard: (statement: Statement) => void,
  ) {
    this.#flows = flows;
    this.#nameHere = nameHere;
    this.#heard = heard;
  }

  /** Endpoints held, of the last report of each probe. */
  get endpoints(): number {
    return this.#endpoints;
  }

  /** How many more a report would make it. */
  moreEndpoints(probe: string, { topologies }: Report): number {
    return (topologies.get('Endpoint')?.nodes.size ?? 0) - (this.#reported.get(probe)?.endpoints ?? 0);
  }

  /** The endpoint of a probe's last report, if it was encoded with this digest. */
  recall(probe: string, id: string, digest: number): Node | undefined {
    return this.#reported.get(probe)?.recall(id, digest);
  }

  /** @throws AppError WINDOW_FULL */
  take(probe: string, report: Report, times: ReportTimes, digestOf: DigestOf): void {
    if (this.#takeOnce(probe, report, times, digestOf)) return;
    // The machine has another name than before: its flows begin anew.
    this.forget(probe);
    this.#takeOnce(probe, report, times, digestOf);
  }

  forget(probe: string): void {
    const reported = this.#reported.get(probe);
    if (reported === undefined) return;
    for (const stream of reported.streams) this.#flows.forget(stream);
    this.#reported.delete(probe);
    this.#endpoints -= reported.endpoints;
    this.#lookAgain(reported.forget());
  }

  /** @returns whether the store took everything */
  #takeOnce(probe: string, report: Report, times: ReportTimes, digestOf: DigestOf): boolean {
    this.#endpoints += this.moreEndpoints(probe, report);
    let reported = this.#reported.get(probe);
    if (reported === undefined) {
      reported = new ReportedFlows(probe, this.#dialled);
      this.#reported.set(probe, reported);
    }
    try {
      const { all, outdated } = reported.take(report, times, digestOf);
      this.#lookAgain(outdated);
      return this.#state(probe, all);
    } catch (error) {
      // What the next report would go on from is not there.
      this.forget(probe);
      throw error;
    }
  }

  /** @param outdated by probe, addresses that its clients dial and that may lead elsewhere now */
  #lookAgain(outdated: ReadonlyMap<string, ReadonlySet<string>>): void {
    for (const [probe, dialled] of outdated)
      this.#state(probe, this.#reported.get(probe)?.lookAgain(dialled) ?? []);
  }

  #state(probe: string, all: readonly HostStatements[]): boolean {
    let isTaken = true;
    for (const { stream, statements } of all) {
      for (const { statement, atMs } of statements) {
        const { host } = statement;
        const here = renameStatement(statement, host, this.#nameHere(probe, host));
        const { taken } = this.#flows.state(stream, here, atMs);
        if (taken) this.#heard(here);
        isTaken &&= taken;
      }
    }
    return isTaken;
  }
}

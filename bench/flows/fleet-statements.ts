/** What the probe of one machine of the simulated fleet states, beside what it reports: made from the same report. */
import { DialledServers } from '../../src/app/decode/dialled-servers.js';
import { ReportedFlows } from '../../src/app/decode/report-to-statement.js';
import type { StatedFacts, StatedFlow, Statement } from '../../src/flows/statement.js';
import { toMillis } from '../../src/report/index.js';
import type { Metric, Node, Report, TopologyKey } from '../../src/report/model/model.js';
import { PUBLISH_INTERVAL_MS } from '../app/traffic.js';

const EPOCH_MS = 1_795_244_936_000;
const WINDOW_MS = 15_000;

/** States the reports of one machine, one after the other. */
export class MachineStatements {
  readonly #probe: string;
  readonly #flows: ReportedFlows;
  #facts = new Map<TopologyKey, ReadonlyMap<string, Node>>();
  #seq = 0;

  constructor(probe = '0123456789abcdef') {
    this.#probe = probe;
    this.#flows = new ReportedFlows(probe, new DialledServers());
  }

  /** What `report` changes of the one before; everything the first time. */
  next(report: Report): Statement {
    const base = this.#seq++;
    const atMs = report.timestamp === undefined ? 0 : toMillis(report.timestamp);
    const times = { atMs, intervalMs: PUBLISH_INTERVAL_MS, windowMs: WINDOW_MS, isWhole: true };
    const { all } = this.#flows.take(report, times, () => undefined);
    const said = all.flatMap(({ statements }) => statements.map(({ statement }) => statement));
    return {
      version: 1,
      probe: this.#probe,
      epoch: EPOCH_MS,
      seq: this.#seq,
      base,
      host: said[0]?.host ?? '',
      atMs,
      intervalMs: PUBLISH_INTERVAL_MS,
      flows: newest(said),
      gone: said.flatMap(({ gone }) => gone).sort((a, b) => a - b),
      facts: this.#factsOf(report),
      dns: report.dns,
    };
  }

  /** Nodes with other values than before, and metrics of the others: they are never the same here. */
  #factsOf(report: Report): Map<TopologyKey, StatedFacts> {
    const facts = new Map<TopologyKey, StatedFacts>();
    for (const [key, { nodes, ...frame }] of report.topologies) {
      if (key === 'Endpoint') continue;
      const known = this.#facts.get(key);
      const changed = [...nodes].filter(([id, node]) => {
        const before = known?.get(id);
        return before === undefined || valuesOf(before) !== valuesOf(node);
      });
      const changedNodes = new Map(changed);
      const metrics = new Map<string, ReadonlyMap<string, Metric>>();
      for (const [id, node] of nodes)
        if (node.metrics !== undefined && !changedNodes.has(id)) metrics.set(id, node.metrics);
      if (changedNodes.size + metrics.size > 0)
        facts.set(key, { nodes: changedNodes, metrics, gone: [], ...(known === undefined && { frame }) });
      this.#facts.set(key, nodes);
    }
    return facts;
  }
}

/** Of what a report makes several statements of, the last state of each flow. */
function newest(statements: readonly Statement[]): StatedFlow[] {
  const flows = new Map<number, StatedFlow>();
  for (const statement of statements)
    for (const flow of statement.flows) flows.set(flow.id, { ...flows.get(flow.id), ...flow });
  return [...flows.values()].sort((a, b) => a.id - b.id);
}

function valuesOf({ latest, sets, parents }: Node): string {
  const values = Array.from(latest ?? [], ([key, { value }]) => [key, value]);
  return JSON.stringify([values, [...(sets ?? [])], [...(parents ?? [])]]);
}

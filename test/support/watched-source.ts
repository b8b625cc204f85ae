/** A source watched by a pipeline as a probe has it: what it found at each tick, as endpoints. */
import pino from 'pino';
import type { ReportMark } from '../../src/flows/stated.js';
import { createPipeline, type CreatePipelineOptions } from '../../src/probe/create-pipeline.js';
import type { ProbeState } from '../../src/probe/flows/probe-state.js';
import type { Pipeline, TickResult } from '../../src/probe/pipeline.js';
import type { ConnectionSource, Snapshot, SnapshotRequest } from '../../src/probe/records/source.js';
import type { Node, Report } from '../../src/report/model/model.js';

export interface Sight {
  readonly report: Report;
  /** Endpoint nodes. */
  readonly nodes: ReadonlyMap<string, Node>;
  /** What the source told last. */
  readonly snapshot: Snapshot;
  readonly result: TickResult;
}

export class WatchedSource {
  readonly pipeline: Pipeline;
  readonly state: ProbeState;
  #snapshot: Snapshot | undefined;
  #mark: ReportMark | undefined;

  /** The host is named `vm`. Default: nothing is known besides what the source tells. */
  constructor(source: ConnectionSource, more: Partial<CreatePipelineOptions> = {}) {
    const { pipeline, state } = createPipeline({
      source: this.#spyOn(source),
      probeId: 'p',
      hostName: 'vm',
      intervalMs: 1000,
      reporters: [],
      knowledge: { startTicksOf: () => undefined, formerName: (_pid, _start, comm) => comm },
      resolver: { names: () => undefined },
      sharedAddresses: () => [],
      namespacesOf: () => [],
      degradations: () => [],
      log: pino({ level: 'silent' }),
      ...more,
    });
    this.pipeline = pipeline;
    this.state = state;
  }

  /** One tick, and the report of the time since the last one. */
  async next(): Promise<Sight> {
    return this.#sightOf(await this.pipeline.next());
  }

  /** As `next`, waiting for ends that are missing. */
  async last(): Promise<Sight> {
    return this.#sightOf(await this.pipeline.last());
  }

  #sightOf(result: TickResult): Sight {
    const { report, mark } = this.state.reportSince(this.#mark);
    this.#mark = mark;
    const nodes = report.topologies.get('Endpoint')?.nodes ?? new Map<string, Node>();
    return { report, nodes, snapshot: this.#snapshot!, result };
  }

  #spyOn(source: ConnectionSource): ConnectionSource {
    return {
      kind: source.kind,
      coverage: source.coverage,
      snapshot: async (request?: SnapshotRequest) => (this.#snapshot = await source.snapshot(request)),
      counters: () => source.counters(),
      unreported: (ends) => source.unreported?.(ends),
      distrust: (why) => source.distrust?.(why),
      close: () => source.close(),
    };
  }
}

/** Composes a probe's state and the pipeline that makes it. */
import type { Logger } from 'pino';
import type { Degradation } from './degradations.js';
import { ProbeState } from './flows/probe-state.js';
import type { ProcessKnowledge } from './flows/process-names.js';
import { Pipeline } from './pipeline.js';
import type { ConnectionSource } from './records/source.js';
import type { Reporter } from './reporter.js';

export interface CreatePipelineOptions {
  readonly source: ConnectionSource;
  readonly probeId: string;
  readonly hostName: string;
  /** Milliseconds between two states, which apps are told. */
  readonly intervalMs: number;
  readonly reporters: readonly Reporter[];
  readonly knowledge: ProcessKnowledge;
  readonly resolver: { names(address: string): readonly string[] | undefined };
  readonly sharedAddresses: () => readonly Int32Array[];
  readonly namespacesOf: (address: string) => readonly number[];
  readonly degradations: () => readonly Degradation[];
  readonly log: Logger;
  /** Flows that are stated; see `ProbeState`. */
  readonly maxFlows?: number | undefined;
}

export function createPipeline(options: CreatePipelineOptions): { pipeline: Pipeline; state: ProbeState } {
  const { probeId, hostName, intervalMs, knowledge, resolver, namespacesOf, maxFlows } = options;
  const state = new ProbeState({
    probeId,
    hostName,
    intervalMs,
    processes: knowledge,
    names: (address) => resolver.names(address),
    namespacesOf,
    maxFlows,
  });
  const { source, reporters, degradations, sharedAddresses, log } = options;
  return {
    state,
    pipeline: new Pipeline({ hostName, source, reporters, state, degradations, sharedAddresses, log }),
  };
}

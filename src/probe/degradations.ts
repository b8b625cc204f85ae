/**
 * What the probe does without at present, as facts of the host in the report: `degraded_<part>` says what is missing, why,
 * and what to do, one line for each cause. Extra `latest` keys of the host's node, which Scope ignores; the app lists them
 * in /api/v1/probes. A host without such facts goes without nothing that its probe knows of.
 */
import { hostNodeId } from '../report/index.js';
import { FACT } from '../report/keys.js';
import type { MetadataTemplate, Timestamp, Topology } from '../report/model/model.js';

export interface Degradation {
  /** `dns`, `log` … */
  readonly part: string;
  /** What is missing and why, and what to do: one line. */
  readonly text: string;
}

const FIRST_PRIORITY = 20;
const SEPARATOR = ' | ';

/** Undefined when there is nothing to report. */
export function degradationFacts(
  degradations: readonly Degradation[],
  hostName: string,
  now: Timestamp,
): Topology | undefined {
  if (degradations.length === 0) return undefined;
  const texts = new Map<string, string>();
  for (const { part, text } of degradations) {
    const known = texts.get(part);
    texts.set(part, known === undefined ? text : `${known}${SEPARATOR}${text}`);
  }
  const id = hostNodeId(hostName);
  const keyOf = (part: string): string => FACT.degradedPrefix + part;
  const latest = new Map([...texts].map(([part, value]) => [keyOf(part), { timestamp: now, value }]));
  const metadataTemplates = new Map<string, MetadataTemplate>(
    [...texts.keys()].map((part, i) => [
      keyOf(part),
      { id: keyOf(part), label: `Goes without (${part})`, from: 'latest', priority: FIRST_PRIORITY + i },
    ]),
  );
  return { metadataTemplates, nodes: new Map([[id, { id, topology: 'host', latest }]]) };
}

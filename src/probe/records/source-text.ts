/** How a source of connections is named in the log's one line. */
import { coverageText } from './coverage.js';
import type { ConnectionSource } from './source.js';

/** `ebpf (rung files, nothing refused)`, `procfs` … */
export function sourceText({ kind, coverage }: Pick<ConnectionSource, 'kind' | 'coverage'>): string {
  return coverage === undefined ? kind : `${kind} (${coverageText(coverage)})`;
}

/**
 * Conntrack of one network namespace from its text in /proc, if the native addon is not built. The text has the flows of
 * this moment: a flow that ended between two refreshes is seen while the kernel remembers it.
 */
import { readFile } from 'node:fs/promises';
import { readConntrackText } from '../../conntrack-parser/index.js';
import type { EventCounts, FlowListener } from './namespace-events.js';

export class NamespaceText {
  /** @param isNews the first reading is news: the namespace is younger than the last refresh */
  constructor(
    private readonly path: string,
    private readonly counts: EventCounts,
    private isNews: boolean,
  ) {}

  /** @throws what reading the file throws */
  async refresh(listener: FlowListener): Promise<void> {
    const text = await readFile(this.path);
    this.counts.dumps++;
    listener.onDumpBegin();
    const { malformed } = readConntrackText(text, (flow) => {
      listener.onFlow(flow, this.isNews);
    });
    this.counts.malformed += malformed;
    this.isNews = true;
    listener.onDumpEnd();
  }

  wantDump(): void {
    // Each refresh reads all.
  }

  async close(): Promise<void> {
    // Nothing is open.
  }
}

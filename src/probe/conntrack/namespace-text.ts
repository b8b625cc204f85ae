/**
 * Connection tracking of one network namespace by its text in /proc: where the native addon is not built. It shows what
 * exists at the moment; flows that come and go between two refreshes are seen as long as the kernel remembers them.
 */
import { readFile } from 'node:fs/promises';
import { readConntrackText } from '../../conntrack-parser/index.js';
import type { EventCounts, FlowListener } from './namespace-events.js';

export class NamespaceText {
  /** @param isNews what the first reading tells is news, because the namespace is younger than the last refresh */
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
    // Every refresh reads everything.
  }

  async close(): Promise<void> {
    // Nothing is held open.
  }
}

/** What the app's window makes of reports that come one after the other, each by a probe of its own. */
import type { Snapshot } from '../../src/app/flows/snapshot.js';
import { viewById } from '../../src/app/views/catalogue.js';
import { Window, type WindowSettings } from '../../src/app/window/window.js';
import type { Report } from '../../src/report/model/model.js';

/** A window with room for everything. */
export function windowOf(clock: () => number, settings: Partial<WindowSettings> = {}): Window {
  return new Window({
    windowMs: 15_000,
    maxParts: 1e6,
    maxBytes: 1e9,
    maxFlows: 1e6,
    maxProbes: 1_000,
    clock,
    ...settings,
  });
}

export function snapshotOf(reports: readonly Report[]): Snapshot {
  const window = windowOf(() => 1_700_000_000_000);
  for (const [i, report] of reports.entries()) window.add({ id: `probe-${i}`, version: '' }, report);
  return window.snapshot();
}

/** Connections of a view's edges, by `from>to`. */
export function edgeCounts(snapshot: Snapshot, viewId: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const [from, targets] of viewById(viewId)!.graph(snapshot).edges) {
    for (const [to, flows] of targets)
      counts.set(
        `${from}>${to}`,
        flows.reduce((sum, { activity }) => sum + activity.connections, 0),
      );
  }
  return counts;
}

/** The layout's own thread: runs the newest request in slices, so that a newer one is heard between them. */
import { LayoutRun } from './layout-run.js';
import type { LayoutAnswer, LayoutRequest } from './layout-messages.js';

/** One slice: the page eases between answers. */
const SLICE_MS = 50;
/** A new graph is shown when it has begun to take shape: unfolding is restless to look at, and drawing it slows it down. */
const FIRST_SLICE_MS = 800;

let current: { readonly run: number; readonly layout: LayoutRun } | undefined;

self.onmessage = ({ data }: MessageEvent<LayoutRequest>) => {
  const idle = current === undefined;
  current = { run: data.run, layout: new LayoutRun(data) };
  if (idle) slice(data.whole ? FIRST_SLICE_MS : SLICE_MS);
};

function slice(budgetMs: number): void {
  if (current === undefined) return;
  const { run, layout } = current;
  const until = performance.now() + budgetMs;
  while (!layout.finished && performance.now() < until) layout.step();
  const answer: LayoutAnswer = { run, positions: layout.positions(), finished: layout.finished };
  self.postMessage(answer, { transfer: [answer.positions.buffer] });
  if (layout.finished) current = undefined;
  else setTimeout(slice, 0, SLICE_MS);
}

/** The layout's own thread: runs the newest request in slices, so that a newer one is heard between them. */
import { LayoutRun } from './layout-run.js';
import type { LayoutAnswer, LayoutRequest } from './messages.js';

/** One slice, about a frame and a half: the page eases between answers. */
const SLICE_MS = 25;

let current: { readonly run: number; readonly layout: LayoutRun } | undefined;

self.onmessage = ({ data }: MessageEvent<LayoutRequest>) => {
  const idle = current === undefined;
  current = { run: data.run, layout: new LayoutRun(data) };
  if (idle) slice();
};

function slice(): void {
  if (current === undefined) return;
  const { run, layout } = current;
  const until = performance.now() + SLICE_MS;
  while (!layout.finished && performance.now() < until) layout.step();
  const answer: LayoutAnswer = { run, positions: layout.positions(), finished: layout.finished };
  self.postMessage(answer, { transfer: [answer.positions.buffer] });
  if (layout.finished) current = undefined;
  else setTimeout(slice);
}

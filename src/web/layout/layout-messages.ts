/** What the page and its layout worker say to each other. */
import type { LayoutInput } from './layout-run.js';

export interface LayoutRequest extends LayoutInput {
  /** Rises with each request; a newer one ends the older. */
  readonly run: number;
}

export interface LayoutAnswer {
  readonly run: number;
  /** x, y of each node, in the order of the request. */
  readonly positions: Float32Array;
  readonly finished: boolean;
}

/** Opens the picture where the browser can draw it, and says why where it can't. */
import { GraphView, type GraphViewOptions } from './graph-view.js';

export type OpenedGraphView =
  | { readonly view: GraphView; readonly reason?: undefined }
  | { readonly view?: undefined; readonly reason: string };

export function openGraphView(options: GraphViewOptions): OpenedGraphView {
  const probe = document.createElement('canvas').getContext('webgl2');
  if (probe === null) {
    return {
      reason: 'This browser has no WebGL 2, so the graph cannot be drawn. The tables show the same facts.',
    };
  }
  // Browsers allow only a few contexts at a time.
  probe.getExtension('WEBGL_lose_context')?.loseContext();
  try {
    return { view: new GraphView(options) };
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    return { reason: `The graph cannot be drawn here (${cause}). The tables show the same facts.` };
  }
}

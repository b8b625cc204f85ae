/**
 * The picture: draws the graph model with WebGL, keeps its frame steady, and turns pointer and keys into wishes.
 */
import { createNodeBorderProgram } from '@sigma/node-border';
import { createEdgeCurveProgram } from '@sigma/edge-curve';
import Sigma from 'sigma';
import { createEdgeArrowProgram } from 'sigma/rendering';
import type { NodeDisplayData } from 'sigma/types';
import type { Point } from '../layout/placement.js';
import { LayoutClient } from '../layout/layout-client.js';
import type { Change } from '../api/store.js';
import { drawHover, drawLabel } from './draw-label.js';
import { edgeRole, focusOf, type Focus } from './focus.js';
import { between, boxOf, fitsBadly, growFrame, type Box } from './frame.js';
import type { EdgeLook, GraphModel, NodeLook } from './graph-model.js';
import type { Palette } from './palette.js';

export interface GraphViewOptions {
  readonly container: HTMLElement;
  readonly model: GraphModel;
  readonly palette: Palette;
  readonly onSelect: (id: string | undefined) => void;
  /** The browser took the WebGL context away. */
  readonly onLost: () => void;
}

/** When this share of the nodes is new, places are made anew for all. */
const REARRANGE_SHARE = 0.5;
/** Below this order there is room for the labels' small print. */
const MINOR_LABELS_BELOW = 30;
const ARROW = { lengthToThicknessRatio: 5, widenessToThicknessRatio: 3.6 };
const PAN_PX = 60;
const GLIDE_MS = 600;

const reducedMotion = (): boolean => matchMedia('(prefers-reduced-motion: reduce)').matches;

export class GraphView {
  readonly #options: GraphViewOptions;
  readonly #sigma: Sigma<NodeLook, EdgeLook>;
  readonly #layout: LayoutClient;
  #palette: Palette;
  #frame: Box | undefined;
  /** The frame is on its way to another. */
  #gliding: number | undefined;
  /** Everything is being laid out, so the frame follows at once. */
  #arrangingAll = false;
  #hovered: string | undefined;
  #selected: string | undefined;
  #found: ReadonlySet<string> | undefined;
  #focus: Focus | undefined;

  constructor(options: GraphViewOptions) {
    this.#options = options;
    this.#palette = options.palette;
    const { model, container } = options;
    this.#sigma = new Sigma<NodeLook, EdgeLook>(model.graph, container, {
      allowInvalidContainer: true,
      nodeProgramClasses: {
        circle: createNodeBorderProgram<NodeLook, EdgeLook>({
          borders: [
            { color: { attribute: 'color' }, size: { attribute: 'ring', defaultValue: 0, mode: 'pixels' } },
            { color: { transparent: true }, size: { attribute: 'ring', defaultValue: 0, mode: 'pixels' } },
            { color: { attribute: 'color' }, size: { fill: true } },
          ],
          drawLabel: undefined,
          drawHover: undefined,
        }),
      },
      edgeProgramClasses: {
        arrow: createEdgeArrowProgram<NodeLook, EdgeLook>(ARROW),
        curve: createEdgeCurveProgram<NodeLook, EdgeLook>({
          defaultCurvature: 0.18,
          arrowHead: { extremity: 'target', ...ARROW },
        }),
      },
      defaultEdgeType: 'arrow',
      minEdgeThickness: 1,
      stagePadding: 70,
      labelDensity: 0.8,
      labelGridCellSize: 90,
      labelRenderedSizeThreshold: 5,
      zIndex: true,
      minCameraRatio: 0.02,
      maxCameraRatio: 4,
      defaultDrawNodeLabel: (context, data) =>
        drawLabel(context, data, { palette: this.#palette, withMinor: this.#hasRoom() }),
      defaultDrawNodeHover: (context, data) => drawHover(context, data, this.#palette),
      nodeReducer: (id, look) => this.#reduceNode(id, look),
      edgeReducer: (key, look) => this.#reduceEdge(key, look),
    });
    this.#layout = new LayoutClient({
      graph: model.graph,
      onMoved: (settled) => this.#moved(settled),
      reducedMotion,
    });
    this.#listen();
  }

  /** Draws a change of the store. `known` are places from when this view was last shown. */
  apply(change: Change, known: ReadonlyMap<string, Point>): void {
    const { graph } = this.#options.model;
    const before = graph.order;
    const fresh = this.#options.model.apply(change, known);
    const edgesChanged = change.edgesAdded.length + change.edgesRemoved.length > 0;
    if (fresh.size > 0 && fresh.size >= graph.order * REARRANGE_SHARE) this.arrange();
    else if (fresh.size > 0 || change.edgesAdded.length > 0) this.#layout.arrange(fresh);
    else if (before === 0 && graph.order > 0) this.#moved(true);
    if (edgesChanged || change.removed.length > 0) this.#refocus();
    this.#sigma.scheduleRefresh();
  }

  /** Places everything anew. */
  arrange(): void {
    this.#arrangingAll = true;
    this.#layout.arrange();
  }

  /** Another view is about to be shown. */
  clear(): void {
    this.#layout.clear();
    this.#setFrame(undefined);
    this.#hovered = this.#selected = this.#found = this.#focus = undefined;
    void this.#sigma.getCamera().setState({ x: 0.5, y: 0.5, ratio: 1, angle: 0 });
  }

  places(): Map<string, Point> {
    const places = new Map<string, Point>();
    this.#options.model.graph.forEachNode((id, { x, y }) => places.set(id, { x, y }));
    return places;
  }

  /** Brings the node into sight when it is not. */
  select(id: string | undefined): void {
    this.#selected = id;
    this.#refocus();
    const { graph } = this.#options.model;
    if (id === undefined || !graph.hasNode(id)) return;
    // From the node's own place: sigma's cached one is not normalised again before the next frame.
    const at = this.#sigma.graphToViewport(graph.getNodeAttributes(id));
    const { width, height } = this.#sigma.getDimensions();
    if (at.x < 0 || at.y < 0 || at.x > width || at.y > height) {
      void this.#sigma.getCamera().animate(this.#sigma.viewportToFramedGraph(at), { duration: 400 });
    }
  }

  /** Nodes that a search found; undefined ends the search. */
  showFound(found: ReadonlySet<string> | undefined): void {
    this.#found = found;
    this.#refocus();
  }

  setPalette(palette: Palette): void {
    this.#palette = palette;
    this.#options.model.setPalette(palette);
    this.#sigma.refresh();
  }

  resize(): void {
    this.#sigma.resize();
    this.#sigma.refresh();
  }

  zoom(direction: 'in' | 'out'): void {
    const camera = this.#sigma.getCamera();
    void (direction === 'in' ? camera.animatedZoom() : camera.animatedUnzoom());
  }

  fit(): void {
    this.#setFrame(boxOf(this.#options.model.graph));
    void this.#sigma.getCamera().animatedReset();
  }

  #moved(settled: boolean): void {
    const box = boxOf(this.#options.model.graph);
    this.#setFrame(this.#arrangingAll ? box : growFrame(this.#frame, box));
    if (settled) {
      this.#arrangingAll = false;
      this.#options.container.dataset['settled'] = 'true';
      if (box !== undefined && this.#frame !== undefined && fitsBadly(this.#frame, box)) {
        this.#glide(this.#frame, box);
      }
    } else delete this.#options.container.dataset['settled'];
  }

  #setFrame(frame: Box | undefined): void {
    if (this.#gliding !== undefined) cancelAnimationFrame(this.#gliding);
    this.#gliding = undefined;
    this.#frame = frame;
    this.#sigma.setCustomBBox(frame === undefined ? null : { x: [...frame.x], y: [...frame.y] });
    this.#sigma.scheduleRefresh();
  }

  #glide(from: Box, to: Box): void {
    const step = (part: number): void => {
      this.#setFrame(between(from, to, part));
      if (part < 1)
        this.#gliding = requestAnimationFrame((nowMs) => step(Math.min(1, (nowMs - startMs) / GLIDE_MS)));
    };
    const startMs = performance.now();
    step(reducedMotion() ? 1 : 0);
  }

  #hasRoom(): boolean {
    return (
      this.#options.model.graph.order < MINOR_LABELS_BELOW || this.#sigma.getCamera().getState().ratio < 0.25
    );
  }

  #refocus(): void {
    const { graph } = this.#options.model;
    this.#focus = focusOf(graph, { hovered: this.#hovered, selected: this.#selected, found: this.#found });
    this.#sigma.scheduleRefresh();
  }

  #reduceNode(id: string, look: NodeLook): Partial<NodeDisplayData> & { faint?: boolean } {
    const focus = this.#focus;
    const selected = id === this.#selected;
    if (focus === undefined) return { ...look, highlighted: selected };
    if (!focus.nodes.has(id)) {
      return { ...look, color: this.#palette.faintNode, faint: true, label: selected ? look.label : null };
    }
    return { ...look, highlighted: selected, forceLabel: focus.nodes.size < 60, zIndex: 1 };
  }

  #reduceEdge(key: string, look: EdgeLook): Partial<EdgeLook> & { zIndex?: number } {
    if (this.#focus === undefined) return look;
    const { graph } = this.#options.model;
    switch (edgeRole(this.#focus, graph.source(key), graph.target(key))) {
      case 'outgoing':
        return { ...look, color: look.failing ? look.color : this.#palette.outgoing, size: 2, zIndex: 2 };
      case 'incoming':
        return { ...look, color: look.failing ? look.color : this.#palette.incoming, size: 2, zIndex: 2 };
      case 'faint':
        return { ...look, color: this.#palette.faintEdge, zIndex: 0 };
      case 'plain':
        return look;
    }
  }

  #listen(): void {
    const { container, onSelect, onLost } = this.#options;
    this.#sigma.on('clickNode', ({ node }) => onSelect(node));
    this.#sigma.on('clickStage', () => onSelect(undefined));
    this.#sigma.on('enterNode', ({ node }) => {
      this.#hovered = node;
      container.classList.add('on-node');
      this.#refocus();
    });
    this.#sigma.on('leaveNode', () => {
      this.#hovered = undefined;
      container.classList.remove('on-node');
      this.#refocus();
    });
    for (const canvas of container.querySelectorAll('canvas'))
      canvas.addEventListener('webglcontextlost', onLost);
    container.addEventListener('keydown', (event) => {
      if (this.#key(event.key)) event.preventDefault();
    });
  }

  #key(key: string): boolean {
    const camera = this.#sigma.getCamera();
    const { x, y, ratio } = camera.getState();
    const { width, height } = this.#sigma.getDimensions();
    const step = (PAN_PX / Math.max(1, Math.min(width, height))) * ratio;
    switch (key) {
      case 'ArrowLeft':
        void camera.animate({ x: x - step }, { duration: 80 });
        return true;
      case 'ArrowRight':
        void camera.animate({ x: x + step }, { duration: 80 });
        return true;
      case 'ArrowUp':
        void camera.animate({ y: y + step }, { duration: 80 });
        return true;
      case 'ArrowDown':
        void camera.animate({ y: y - step }, { duration: 80 });
        return true;
      case '+':
      case '=':
        this.zoom('in');
        return true;
      case '-':
        this.zoom('out');
        return true;
      case '0':
        this.fit();
        return true;
      case 'r':
        this.arrange();
        return true;
      default:
        return false;
    }
  }
}

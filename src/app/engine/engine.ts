/**
 * Everything that costs time: decoding, the window, views. It runs in a thread of its own (`worker.ts`), so that
 * neither a report nor a large view keeps a request waiting that could be answered at once. What goes in and out is
 * plain data.
 */
import { endpointTopology } from '../../flows/scope-endpoints.js';
import { encodeReport, fromMillis, reportToJson } from '../../report/index.js';
import type { FlowRow } from '../../report/model/flow-row.js';
import { AppError } from '../errors.js';
import type { ViewFreshness } from '../options.js';
import { decodeBody, type BodyKind, type ReportFormat } from '../decode/decode.js';
import { decodeStatementBody } from '../decode/statement.js';
import type { Taken } from '../flows/flow-store.js';
import { viewById, VIEWS, type View } from '../views/catalogue.js';
import { nodeDetails } from '../describe/details.js';
import { edgeRows, type EdgeRow } from '../describe/edges.js';
import { flowRows, type FlowFilter } from '../describe/flow-rows.js';
import { nameNode } from '../describe/labels.js';
import type { Options } from '../views/options.js';
import { searchGraph, type Found } from '../describe/search.js';
import type { ProbeIdentity, ProbeRecord } from '../window/probe-registry.js';
import { Window, type WindowCounts } from '../window/window.js';
import { topologyEntry } from './topology-list.js';
import { Renderer, type ViewChange } from './renderer.js';

export interface NodeName {
  readonly id: string;
  readonly label: string;
  readonly labelMinor: string;
  readonly pseudo: boolean;
}

export interface EngineSettings {
  readonly windowMs: number;
  readonly views: ViewFreshness;
  readonly decompressedBytes: number;
  readonly reportNodes: number;
  readonly windowParts: number;
  readonly windowBytes: number;
  readonly windowFlows: number;
  /** Read by whoever starts the thread. */
  readonly engineHeapBytes: number;
  readonly probes: number;
}

export class Engine {
  readonly #settings: EngineSettings;
  readonly #window: Window;
  readonly #renderer: Renderer;
  /** Time of the call at hand, by the app's clock. */
  #nowMs = 0;

  constructor(settings: EngineSettings) {
    this.#settings = settings;
    this.#window = new Window({
      windowMs: settings.windowMs,
      maxParts: settings.windowParts,
      maxBytes: settings.windowBytes,
      maxFlows: settings.windowFlows,
      maxProbes: settings.probes,
      clock: () => this.#nowMs,
    });
    this.#renderer = new Renderer(this.#window, settings.views);
  }

  /** Must be told before each call. */
  setTime(nowMs: number): void {
    this.#nowMs = nowMs;
  }

  /** @throws AppError */
  ingest(probe: ProbeIdentity, kind: BodyKind, body: Uint8Array): void {
    const memory = this.#window.memoryOf(probe.id);
    const report = decodeBody(body, kind, this.#settings, memory);
    this.#window.add(probe, report, body.byteLength, memory);
  }

  /** @throws AppError */
  state(probe: ProbeIdentity, { isZstd }: { readonly isZstd: boolean }, body: Uint8Array): Taken {
    const { statement, bytes } = decodeStatementBody(body, isZstd, probe.id, this.#settings);
    return this.#window.state(probe, statement, bytes);
  }

  /** @throws AppError NO_SUCH_VIEW */
  changeSince(viewId: string, options: Options, since: number): ViewChange {
    return this.#renderer.changeSince(knownView(viewId), options, since);
  }

  /** `{node: …}` as JSON. @throws AppError NO_SUCH_VIEW, NO_SUCH_NODE */
  details(viewId: string, id: string, options: Options): string {
    const view = knownView(viewId);
    const shown = this.#renderer.graph(view, options);
    // A node that options hide still has its page: people follow links to it.
    const { snapshot, graph } = shown.graph.nodes.has(id) ? shown : this.#renderer.whole(view);
    const node = graph.nodes.get(id);
    if (node === undefined)
      throw new AppError('NO_SUCH_NODE', `no node ${JSON.stringify(id.slice(0, 200))} in view ${view.id}`);
    return JSON.stringify({ node: nodeDetails(snapshot.report, view.id, graph, node) });
  }

  /** The list of views as JSON. */
  menu(options: Options): string {
    return JSON.stringify(
      VIEWS.filter(({ parent }) => parent === undefined).map((view) =>
        topologyEntry(this.#renderer, view, options),
      ),
    );
  }

  /** Everything of the window as one report in Scope's form, with the exact rows beside it. */
  report(format: ReportFormat): Uint8Array {
    const flows = flowRows(this.#window.flows());
    const facts = this.#window.newestFacts();
    const { topology } = endpointTopology(flows, { now: fromMillis(this.#nowMs) });
    const topologies = new Map(facts.topologies).set('Endpoint', topology);
    const report = { ...facts, topologies, flows };
    return format === 'msgpack' ? encodeReport(report) : Buffer.from(reportToJson(report));
  }

  /** Edges of a view, at most `limit`, and how many there are. @throws AppError NO_SUCH_VIEW */
  edges(
    viewId: string,
    options: Options,
    limit: number,
  ): { readonly edges: readonly EdgeRow[]; readonly total: number } {
    const { snapshot, graph } = this.#renderer.graph(knownView(viewId), options);
    const rows = edgeRows(snapshot.report, graph);
    return { edges: rows.slice(0, limit), total: rows.length };
  }

  /** Flows of the window, at most `limit`, most connections first, and how many there are. */
  flows(filter: FlowFilter, limit: number): { readonly flows: readonly FlowRow[]; readonly total: number } {
    const rows = flowRows(this.#window.flows(), filter);
    return { flows: rows.slice(0, limit), total: rows.length };
  }

  /** Ids, names and kinds of a view's nodes. @throws AppError NO_SUCH_VIEW */
  nodeNames(viewId: string, options: Options): readonly NodeName[] {
    const { snapshot, graph } = this.#renderer.graph(knownView(viewId), options);
    return Array.from(graph.nodes.values(), (view) => {
      const { label, labelMinor, pseudo } = nameNode(snapshot.report, view);
      return { id: view.id, label, labelMinor, pseudo };
    });
  }

  /** Nodes of all views that have `text` somewhere. */
  search(text: string, limit: number): readonly Found[] {
    const found: Found[] = [];
    for (const view of VIEWS) {
      if (found.length >= limit) break;
      const { snapshot, graph } = this.#renderer.whole(view);
      found.push(...searchGraph(snapshot.report, view.id, graph, text, limit - found.length));
    }
    return found;
  }

  probes(): ProbeRecord[] {
    return this.#window.probes();
  }

  counts(): WindowCounts {
    return this.#window.counts();
  }
}

/** @throws AppError NO_SUCH_VIEW */
export function knownView(id: string): View {
  const view = viewById(id);
  if (view === undefined) throw new AppError('NO_SUCH_VIEW', `no view ${JSON.stringify(id.slice(0, 80))}`);
  return view;
}

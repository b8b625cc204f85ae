/**
 * The JSON of each node of one view under one choice of options: kept from one state to the next, so that only what changed is
 * worded anew, and what changed is known.
 */
import type { Report } from '../../report/model/model.js';
import { summarise } from '../describe/summary.js';
import { adjacencyOf, failingOf, type ViewGraph, type ViewNode } from '../views/graph.js';

/** Node id and its summary as JSON. */
export type NodeText = readonly [id: string, summary: string];

export interface TextChange {
  readonly added: readonly NodeText[];
  readonly updated: readonly NodeText[];
  readonly removed: readonly string[];
}

interface Worded {
  readonly view: ViewNode;
  readonly adjacency: readonly string[];
  readonly failing: readonly string[];
  readonly text: string;
}

export class SummaryCache {
  /** Exactly the nodes of the last graph. */
  readonly #worded = new Map<string, Worded>();
  #namesVersion = -1;

  /** All nodes of the last graph. */
  texts(): NodeText[] {
    return Array.from(this.#worded, ([id, { text }]) => [id, text]);
  }

  /**
   * @param namesVersion changes with anything a node shows about others
   * @returns what differs from the last graph
   */
  update(report: Report, graph: ViewGraph, namesVersion: number): TextChange {
    const areNamesSame = namesVersion === this.#namesVersion;
    this.#namesVersion = namesVersion;
    const added: NodeText[] = [];
    const updated: NodeText[] = [];
    for (const [id, view] of graph.nodes) {
      const adjacency = adjacencyOf(graph, id);
      const failing = failingOf(graph, id);
      const old = this.#worded.get(id);
      const isSame =
        areNamesSame &&
        old !== undefined &&
        sameNode(old.view, view) &&
        sameIds(old.adjacency, adjacency) &&
        sameIds(old.failing, failing);
      if (isSame) continue;
      const text = JSON.stringify(summarise(report, view, { adjacency, failing }));
      this.#worded.set(id, { view, adjacency, failing, text });
      if (old === undefined) added.push([id, text]);
      else if (old.text !== text) updated.push([id, text]);
    }
    return { added, updated, removed: this.#removeOthers(graph) };
  }

  #removeOthers({ nodes }: ViewGraph): string[] {
    if (this.#worded.size === nodes.size) return [];
    const removed: string[] = [];
    for (const id of this.#worded.keys()) {
      if (nodes.has(id)) continue;
      this.#worded.delete(id);
      removed.push(id);
    }
    return removed;
  }
}

function sameNode(a: ViewNode, b: ViewNode): boolean {
  return (
    a.node === b.node &&
    a.topology === b.topology &&
    sameNaming(a, b) &&
    sameIds(a.members ?? [], b.members ?? [])
  );
}

function sameNaming({ naming: a }: ViewNode, { naming: b }: ViewNode): boolean {
  return a === b || (a?.label === b?.label && a?.labelMinor === b?.labelMinor);
}

function sameIds(a: readonly string[], b: readonly string[]): boolean {
  return a === b || (a.length === b.length && a.every((id, index) => id === b[index]));
}

/**
 * The JSON of each node of one rendering, kept from one state to the next: only what changed is worded anew.
 */
import type { Report } from '../../report/model/model.js';
import { adjacencyOf, failingOf, type ViewGraph, type ViewNode } from '../views/graph.js';
import { summarise } from '../describe/summary.js';

interface Worded {
  readonly view: ViewNode;
  readonly adjacency: readonly string[];
  readonly failing: readonly string[];
  readonly text: string;
}

export class SummaryCache {
  /** Exactly the nodes of the last graph. */
  #worded = new Map<string, Worded>();
  #namesVersion = -1;

  /** Node id → summary as JSON. @param namesVersion changes with anything a node shows about others */
  wordGraph(report: Report, graph: ViewGraph, namesVersion: number): Map<string, string> {
    const old = namesVersion === this.#namesVersion ? this.#worded : new Map<string, Worded>();
    const worded = new Map<string, Worded>();
    const texts = new Map<string, string>();
    for (const [id, view] of graph.nodes) {
      const adjacency = adjacencyOf(graph, id);
      const failing = failingOf(graph, id);
      let word = old.get(id);
      const isSame =
        word !== undefined &&
        sameNode(word.view, view) &&
        sameIds(word.adjacency, adjacency) &&
        sameIds(word.failing, failing);
      if (word === undefined || !isSame) {
        const text = JSON.stringify(summarise(report, view, { adjacency, failing }));
        word = { view, adjacency, failing, text };
      }
      worded.set(id, word);
      texts.set(id, word.text);
    }
    this.#worded = worded;
    this.#namesVersion = namesVersion;
    return texts;
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
  return a.length === b.length && a.every((id, index) => id === b[index]);
}

/** Says what the picture leaves out. */
import { EDGES_MAX, NODES_MAX, type GraphStore } from '../api/store.js';
import { find, setText } from '../panels/elements.js';

export class Notes {
  readonly #tooMany = find('#too-many', HTMLElement);
  readonly #noGraph = find('#no-webgl', HTMLElement);

  tooMany({ hiddenNodes, hiddenEdges }: GraphStore): void {
    this.#tooMany.hidden = hiddenNodes + hiddenEdges === 0;
    if (this.#tooMany.hidden) return;
    const left = [
      ...(hiddenNodes > 0 ? [`${count(hiddenNodes)} nodes beyond the first ${count(NODES_MAX)}`] : []),
      ...(hiddenEdges > 0 ? [`${count(hiddenEdges)} connections beyond the first ${count(EDGES_MAX)}`] : []),
    ];
    setText(
      this.#tooMany,
      `Not shown: ${left.join(', ')}. A coarser view, such as By name or Hosts, shows them all.`,
    );
  }

  noGraph(reason: string): void {
    this.#noGraph.hidden = false;
    setText(this.#noGraph, reason);
  }
}

const count = (number: number): string => number.toLocaleString('en');

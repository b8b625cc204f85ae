/**
 * What a reader of reports remembers of earlier ones. Nodes that are said again, but for the times in them, need not be
 * read again.
 */
import type { Node, TopologyKey } from '../model/model.js';

export interface NodeCache {
  /** The node that had this digest when it was read; its times are those of then. */
  known(topology: TopologyKey, id: string, digest: number): Node | undefined;
  /** Told of each node that was read after all, in the hope that it is said again. */
  read(node: Node, digest: number): void;
}

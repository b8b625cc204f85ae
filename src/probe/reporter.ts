/**
 * What the probe's tick asks of every reporter (processes, hosts, containers …): the topologies it knows about now.
 * A reporter never imports another one; what two of them share comes in through their options.
 */
import type { Timestamp, Topology, TopologyKey } from '../report/model/model.js';

export interface Reporter {
  readonly name: string;
  /** Facts as of `now`. Blocking reads happen off the event loop. @throws a typed error of the reporter's own */
  report(now: Timestamp): Promise<ReadonlyMap<TopologyKey, Topology>>;
  close?(): Promise<void>;
}

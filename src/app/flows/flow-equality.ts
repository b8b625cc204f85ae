/** Whether two statements define a flow alike: what is repeated changes nothing. */
import type { FlowDefinition, FlowEnd } from '../../flows/flow.js';

export function isSameDefinition(a: FlowDefinition, b: FlowDefinition): boolean {
  return (
    a === b ||
    (a.kind === b.kind &&
      a.scope === b.scope &&
      a.via === b.via &&
      a.clientVia === b.clientVia &&
      a.direction === b.direction &&
      a.nat === b.nat &&
      a.server.port === b.server.port &&
      isSameEnd(a.client, b.client) &&
      isSameEnd(a.server, b.server))
  );
}

function isSameEnd(a: FlowEnd, b: FlowEnd): boolean {
  return (
    a.address === b.address &&
    a.isHere === b.isHere &&
    a.netns === b.netns &&
    a.evidence === b.evidence &&
    a.process?.pid === b.process?.pid &&
    a.process?.startTicks === b.process?.startTicks &&
    a.process?.name === b.process?.name &&
    isSameMap(a.facts, b.facts)
  );
}

function isSameMap<V>(a: ReadonlyMap<string, V> | undefined, b: ReadonlyMap<string, V> | undefined): boolean {
  if (a === b) return true;
  if ((a?.size ?? 0) !== (b?.size ?? 0)) return false;
  for (const [key, value] of a ?? []) if (b!.get(key) !== value) return false;
  return true;
}

/**
 * JSON put together from parts that are JSON already: whole graphs, and the difference between two.
 */

/** `{"nodes":{…}}` as Scope's API answers a view. */
export function graphText(nodes: ReadonlyMap<string, string>): string {
  const members: string[] = [];
  for (const [id, summary] of nodes) members.push(`${JSON.stringify(id)}:${summary}`);
  return `{"nodes":{${members.join(',')}}}`;
}

/**
 * What turns `before` into `after`; undefined when nothing does. `reset` tells the receiver to forget what it has,
 * and everything is added.
 */
export function deltaText(
  before: ReadonlyMap<string, string> | undefined,
  after: ReadonlyMap<string, string>,
): string | undefined {
  const add: string[] = [];
  const update: string[] = [];
  const remove: string[] = [];
  for (const [id, summary] of after) {
    const old = before?.get(id);
    if (old === undefined) add.push(summary);
    else if (old !== summary) update.push(summary);
  }
  for (const id of before?.keys() ?? []) if (!after.has(id)) remove.push(JSON.stringify(id));
  if (before !== undefined && add.length + update.length + remove.length === 0) return undefined;
  const reset = before === undefined ? ',"reset":true' : '';
  return `{"add":${list(add)},"update":${list(update)},"remove":${list(remove)}${reset}}`;
}

function list(items: readonly string[]): string {
  return items.length === 0 ? 'null' : `[${items.join(',')}]`;
}

/** JSON put together from parts that are JSON already: a whole view, and the difference between two states of one. */

/** `{"nodes":{…}}` as Scope's API answers a view. */
export function graphText(nodes: ReadonlyMap<string, string>): string {
  const members: string[] = [];
  for (const [id, summary] of nodes) members.push(`${JSON.stringify(id)}:${summary}`);
  return `{"nodes":{${members.join(',')}}}`;
}

/** Summaries as JSON, and ids. */
export interface DeltaParts {
  readonly add: readonly string[];
  readonly update: readonly string[];
  readonly remove: readonly string[];
  /** The receiver is to forget what it has. */
  readonly reset: boolean;
}

export function deltaText({ add, update, remove, reset }: DeltaParts): string {
  const ids = remove.map((id) => JSON.stringify(id));
  return `{"add":${list(add)},"update":${list(update)},"remove":${list(ids)}${reset ? ',"reset":true' : ''}}`;
}

function list(items: readonly string[]): string {
  return items.length === 0 ? 'null' : `[${items.join(',')}]`;
}

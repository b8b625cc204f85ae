/** What the address says is shown: `#/processes` or `#/processes/<node id>`. Links can be shared, and Back works. */

export interface Route {
  readonly topology: string;
  readonly node: string | undefined;
}

const DEFAULT_TOPOLOGY = 'processes';

/** Anything that isn't a route is the default one. */
export function parseRoute(hash: string): Route {
  const [, topology = '', node = ''] = /^#\/([a-z0-9-]{1,64})(?:\/(.+))?$/.exec(hash) ?? [];
  if (topology === '') return { topology: DEFAULT_TOPOLOGY, node: undefined };
  return { topology, node: decode(node) };
}

export function routeHash({ topology, node }: Route): string {
  return node === undefined ? `#/${topology}` : `#/${topology}/${encodeURIComponent(node)}`;
}

function decode(text: string): string | undefined {
  if (text === '') return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** The app's HTTP API, as far as the page uses it. Paths are relative: a reverse proxy may put the app below a path. */
import { asNumber, asObject, asObjects, asText, type Json } from './json.js';
import { parseDetails, type NodeDetails } from './wire.js';

const TIMEOUT_MS = 10_000;

/** The app answered, but with a refusal. */
export class ApiError extends Error {
  readonly code = 'API_REFUSED';
  override readonly name = 'ApiError';
  readonly status: number;

  constructor(what: string, status: number) {
    super(`${what}: the app answered ${status}`);
    this.status = status;
  }
}

async function get(path: string, what: string, signal?: AbortSignal): Promise<unknown> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const response = await fetch(path, {
    headers: { accept: 'application/json' },
    signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
  });
  if (!response.ok) throw new ApiError(what, response.status);
  return response.json();
}

export async function isAlive(): Promise<void> {
  await get('./api', 'asking whether the app is there');
}

export type Refusal = { readonly kind: 'signed-out' } | { readonly kind: 'refused'; readonly reason: string };

/**
 * Why the app takes no WebSocket of this page, which the browser does not tell; undefined where it would.
 * @throws what fetch throws where the app is away
 */
export async function refusal(pageOrigin: string): Promise<Refusal | undefined> {
  const response = await fetch('./api', {
    headers: { accept: 'application/json', 'x-topoprobe-page-origin': pageOrigin },
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (response.status === 401) return { kind: 'signed-out' };
  if (response.status !== 403) return undefined;
  return { kind: 'refused', reason: asText(asObject(await response.json())['error']) };
}

/** Whether somebody has signed in here, who may want to sign out again. */
export async function isSignedIn(): Promise<boolean> {
  return asObject(await get('./session', 'asking who is signed in'))['signedIn'] === true;
}

/** @throws ApiError (404: no such node now), WireError, or what fetch throws */
export async function nodeDetails(topology: string, id: string, signal: AbortSignal): Promise<NodeDetails> {
  const path = `./api/topology/${encodeURIComponent(topology)}/${encodeURIComponent(id)}`;
  return parseDetails(await get(path, `loading details of ${id}`, signal));
}

export interface OfferedView {
  readonly id: string;
  readonly name: string;
  readonly nodes: number;
}

/** Every view the app offers, sub-views after their parent. */
export async function offeredViews(): Promise<OfferedView[]> {
  const list = await get('./api/topology', 'listing views');
  return asObjects(list).flatMap((entry) => {
    const parent = asText(entry['name']);
    const subViews = asObjects(entry['sub_topologies']).map((sub) => {
      const name = asText(sub['name']);
      // "by image" says nothing without what it is of.
      return offeredView(sub, name.startsWith('by ') ? `${parent} ${name}` : name);
    });
    return [offeredView(entry, parent), ...subViews];
  });
}

function offeredView(view: Json, name: string): OfferedView {
  return {
    id: asText(view['url']).split('/').at(-1) ?? '',
    name,
    nodes: asNumber(asObject(view['stats'])['node_count']) ?? 0,
  };
}

/** Host names of the probes that report. */
export async function reportingHosts(): Promise<string[]> {
  return asObjects(await get('./api/probes', 'listing probes')).map(
    (probe) => asText(probe['hostname']) || asText(probe['id']),
  );
}

/** WebSocket address of a view, with news every second. */
export function viewSocketUrl(topology: string, base: string): string {
  const url = new URL(`./api/topology/${encodeURIComponent(topology)}/ws?t=1s`, base);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  url.hash = '';
  return url.href;
}

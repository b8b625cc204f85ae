/**
 * `/api/v1`: what Scope's API has no place for. Routes are described once; the description serves requests and makes
 * the OpenAPI document.
 */
import type { FastifyInstance } from 'fastify';
import type { EngineClient } from '../engine/client.js';
import type { FlowFilter } from '../describe/flow-rows.js';
import { knownView } from '../engine/engine.js';
import type { ProbeRecord } from '../window/probe-registry.js';
import { optionsFor } from './query.js';
import {
  EDGES_ANSWER,
  EDGES_QUERY,
  FAULT,
  FLOWS_ANSWER,
  FLOWS_QUERY,
  PROBES_ANSWER,
  SEARCH_ANSWER,
  SEARCH_QUERY,
} from './v1-schemas.js';

interface Description {
  readonly path: string;
  readonly summary: string;
  readonly query?: {
    readonly properties: Readonly<Record<string, unknown>>;
    readonly required?: readonly string[];
  };
  readonly answer: unknown;
}

const EDGES: Description = {
  path: '/api/v1/edges',
  summary:
    "A view's edges with their measurements; most bytes first. The view's options are further parameters.",
  query: EDGES_QUERY,
  answer: EDGES_ANSWER,
};
const FLOWS: Description = {
  path: '/api/v1/flows',
  summary: 'Who talks to whom, process by process and address by address; most connections first',
  query: FLOWS_QUERY,
  answer: FLOWS_ANSWER,
};
const PROBES: Description = {
  path: '/api/v1/probes',
  summary: 'Who reports, and how complete it is',
  answer: PROBES_ANSWER,
};
const SEARCH: Description = {
  path: '/api/v1/search',
  summary: 'Nodes of all views by label, id or fact',
  query: SEARCH_QUERY,
  answer: SEARCH_ANSWER,
};

export function v1Api(server: FastifyInstance, engine: EngineClient, version: string): void {
  server.get<{ Querystring: { view: string; limit: number } }>(
    EDGES.path,
    schemaOf(EDGES),
    async ({ query }) => {
      const view = knownView(query.view);
      return {
        view: view.id,
        ...(await engine.call('edges', [view.id, optionsFor(view, query), query.limit])),
      };
    },
  );
  server.get<{ Querystring: FlowFilter & { limit: number } }>(
    FLOWS.path,
    schemaOf(FLOWS),
    ({ query: { limit, ...filter } }) => engine.call('flows', [filter, limit]),
  );
  server.get(PROBES.path, schemaOf(PROBES), async () => ({
    probes: (await engine.call('probes', [])).map(probeRow),
  }));
  server.get<{ Querystring: { q: string; limit: number } }>(
    SEARCH.path,
    schemaOf(SEARCH),
    async ({ query }) => ({
      found: await engine.call('search', [query.q, query.limit]),
    }),
  );
  server.get('/api/v1/openapi.json', () => openApi(version, [EDGES, FLOWS, PROBES, SEARCH]));
}

function schemaOf({ query, answer }: Description): object {
  return { schema: { ...(query === undefined ? {} : { querystring: query }), response: { 200: answer } } };
}

function probeRow(probe: ProbeRecord): object {
  const { id, hostname, version, lastSeenMs, staleSinceMs, intervalMs, skewMs, reports, sampled } = probe;
  const { correctedMs, othersWithId, nameThere, machine, notSeen, degraded } = probe;
  return {
    id,
    hostname,
    ...(nameThere === undefined ? {} : { nameThere }),
    ...(machine === undefined ? {} : { machine }),
    version,
    lastSeen: new Date(lastSeenMs).toISOString(),
    ...(staleSinceMs === undefined ? {} : { staleSince: new Date(staleSinceMs).toISOString() }),
    ...(intervalMs === undefined ? {} : { intervalMs }),
    ...(skewMs === undefined ? {} : { skewMs }),
    ...(correctedMs === 0 ? {} : { correctedMs }),
    ...(othersWithId.length === 0 ? {} : { othersWithId }),
    ...(degraded.size === 0 ? {} : { degraded: Array.from(degraded, ([part, text]) => ({ part, text })) }),
    ...(notSeen.length === 0 ? {} : { notSeen }),
    reports,
    ...(sampled === undefined ? {} : { sampled }),
    complete: staleSinceMs === undefined && (sampled ?? 1) >= 1,
  };
}

function openApi(version: string, descriptions: readonly Description[]): object {
  const paths = descriptions.map(({ path, summary, query, answer }) => [
    path,
    {
      get: {
        summary,
        parameters: Object.entries(query?.properties ?? {}).map(([name, schema]) => ({
          name,
          in: 'query',
          required: query?.required?.includes(name) ?? false,
          schema,
        })),
        responses: {
          200: { description: 'as described', content: { 'application/json': { schema: answer } } },
          default: { description: 'a fault', content: { 'application/json': { schema: FAULT } } },
        },
      },
    },
  ]);
  return {
    openapi: '3.1.0',
    info: { title: 'Topoprobe', version },
    paths: Object.fromEntries(paths) as object,
  };
}

/** An app that serves the built page and a graph that the test changes, over the documented API and nothing else. */
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import fastifyWebsocket from '@fastify/websocket';
import Fastify from 'fastify';
import type { WireNode } from './generated-graph.js';

const WEB_ROOT = fileURLToPath(new URL('../../web', import.meta.url));
/** What the page promises to work under. */
const CONTENT_SECURITY_POLICY =
  "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

export interface FixtureDelta {
  readonly add?: readonly WireNode[];
  readonly update?: readonly WireNode[];
  readonly remove?: readonly string[];
}

export class FixtureApp {
  readonly #views = new Map<string, Map<string, WireNode>>();
  readonly #sockets = new Map<{ send(text: string): void; terminate(): void }, string>();
  readonly #server = Fastify({ forceCloseConnections: true });
  /** Host names of probes that are said to report. */
  probes: readonly string[] = ['node-1'];
  url = '';

  /** Nodes by view, as `processes`; the other views are empty unless given. */
  constructor(views: Readonly<Record<string, readonly WireNode[]>>) {
    for (const view of ['processes', 'processes-by-name', 'hosts']) this.#views.set(view, new Map());
    for (const [view, nodes] of Object.entries(views)) {
      this.#views.set(view, new Map(nodes.map((node) => [node.id, node])));
    }
  }

  /** Listens on a free port, or on the one given. */
  async start(port = 0): Promise<this> {
    const server = this.#server;
    await server.register(fastifyWebsocket);
    await server.register(fastifyStatic, { root: WEB_ROOT });
    server.addHook('onSend', async (_request, reply) => {
      void reply.header('content-security-policy', CONTENT_SECURITY_POLICY);
      return Promise.resolve();
    });
    server.get('/api', () => ({ id: 'fixture', version: 'test', hostname: 'test' }));
    server.get('/api/probes', () => this.probes.map((hostname, id) => ({ id: String(id), hostname })));
    server.get('/api/topology', () => []);
    server.get('/session', () => ({ signedIn: false }));
    server.get<{ Params: { view: string } }>(
      '/api/topology/:view/ws',
      { websocket: true },
      (socket, request) => {
        const { view } = request.params;
        this.#sockets.set(socket, view);
        socket.on('close', () => this.#sockets.delete(socket));
        socket.send(
          JSON.stringify({ add: [...this.#nodes(view).values()], update: null, remove: null, reset: true }),
        );
      },
    );
    server.get<{ Params: { view: string; id: string } }>('/api/topology/:view/:id', (request, reply) => {
      const nodes = this.#nodes(request.params.view);
      const node = nodes.get(request.params.id);
      if (node === undefined) return reply.code(404).send({ error: 'no such node' });
      return { node: details(request.params.view, node, nodes) };
    });
    this.url = await server.listen({ host: '127.0.0.1', port });
    return this;
  }

  /** Changes a view and tells those who watch it. */
  change(view: string, { add = [], update = [], remove = [] }: FixtureDelta): void {
    const nodes = this.#nodes(view);
    for (const node of [...add, ...update]) nodes.set(node.id, node);
    for (const id of remove) nodes.delete(id);
    this.say(view, JSON.stringify({ add, update, remove: remove.length === 0 ? null : remove }));
  }

  /** Sends any text to those who watch a view. */
  say(view: string, text: string): void {
    for (const [socket, watched] of this.#sockets) if (watched === view) socket.send(text);
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets.keys()) socket.terminate();
    await this.#server.close();
  }

  #nodes(view: string): Map<string, WireNode> {
    return this.#views.get(view) ?? new Map<string, WireNode>();
  }
}

function details(view: string, node: WireNode, nodes: ReadonlyMap<string, WireNode>): unknown {
  const columns = [
    { id: 'port', label: 'Port', dataType: 'number' },
    { id: 'count', label: 'Count', dataType: 'number', defaultSort: true },
  ];
  const row = ({ id, label, labelMinor }: WireNode, count: number): unknown => ({
    id: `${id}-8080`,
    nodeId: id,
    label,
    labelMinor,
    metadata: [
      { id: 'port', value: '8080', dataType: 'number' },
      { id: 'count', value: String(count), dataType: 'number' },
    ],
  });
  const callers = [...nodes.values()].filter(({ adjacency }) => adjacency?.includes(node.id));
  const called = (node.adjacency ?? []).flatMap((id) => nodes.get(id) ?? []);
  const now = Date.now();
  return {
    ...node,
    metrics: [
      {
        id: 'process_cpu_usage_percent',
        label: 'CPU',
        format: 'percent',
        value: 3.25,
        min: 0,
        max: 200,
        samples: Array.from({ length: 15 }, (_, at) => ({
          date: new Date(now - (15 - at) * 1_000).toISOString(),
          value: 2 + Math.sin(at) + at / 10,
        })),
      },
      ...(node.metrics ?? []),
    ],
    controls: [],
    children: [],
    connections: [
      {
        id: 'incoming-connections',
        topologyId: view,
        label: 'Inbound',
        columns,
        connections: callers.map((caller, at) => row(caller, at + 1)),
      },
      {
        id: 'outgoing-connections',
        topologyId: view,
        label: 'Outbound',
        columns,
        connections: called.map((other, at) => row(other, 7 * at + 3)),
      },
    ],
  };
}

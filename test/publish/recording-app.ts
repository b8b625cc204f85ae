/** A real HTTP(S) server that stands for an app: it decodes what it is sent, and answers as a test tells it to. */
import { once } from 'node:events';
import {
  createServer as createHttpServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { decodeReport } from '../../src/report/index.js';
import type { Report } from '../../src/report/model/model.js';

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface RecordingAppOptions {
  readonly id?: string;
  readonly address?: string;
  /** Default: a free one. */
  readonly port?: number;
  readonly tls?: ServerOptions;
}

export class RecordingApp {
  /** Decoded, in order of arrival; those that were answered with 200 only. */
  readonly reports: Report[] = [];
  /** Of every POST that came in full. */
  readonly headers: IncomingHttpHeaders[] = [];
  readonly bodies: Buffer[] = [];
  /** GET /api and POST /api/report that came in, refused ones included. */
  asked = 0;
  posted = 0;
  /** What a POST is answered with; 200 when it gives nothing. A promise makes the app slow. */
  onPost: () => Answer | undefined | Promise<Answer | undefined> = () => undefined;
  onAsk: () => Answer | undefined = () => undefined;
  id: string;
  port: number;
  readonly #server: Server;

  constructor(private readonly options: RecordingAppOptions = {}) {
    this.id = options.id ?? `app-${Math.random().toString(36).slice(2)}`;
    this.port = options.port ?? 0;
    const listener = (request: IncomingMessage, response: ServerResponse): void => {
      this.answer(request, response).catch((error: unknown) => response.destroy(error as Error));
    };
    this.#server = options.tls ? createHttpsServer(options.tls, listener) : createHttpServer(listener);
    this.#server.keepAliveTimeout = 60_000;
  }

  get url(): URL {
    return new URL(
      `${this.options.tls ? 'https' : 'http'}://${this.options.address ?? '127.0.0.1'}:${this.port}`,
    );
  }

  async start(): Promise<void> {
    this.#server.listen(this.port, this.options.address ?? '127.0.0.1');
    await once(this.#server, 'listening');
    this.port = (this.#server.address() as AddressInfo).port;
  }

  /** As when its process ends: what was answered was answered, the rest was not. */
  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === 'GET') {
      this.asked++;
      send(response, this.onAsk() ?? { status: 200, body: JSON.stringify({ id: this.id, version: 'test' }) });
      return;
    }
    this.posted++;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    this.headers.push(request.headers);
    const answer = (await this.onPost()) ?? { status: 200 };
    if (answer.status === 200) {
      const body = Buffer.concat(chunks);
      this.bodies.push(body);
      this.reports.push(decodeReport(gunzipSync(body)));
    }
    send(response, answer);
  }
}

function send(response: ServerResponse, { status, headers, body }: Answer): void {
  response.writeHead(status, headers).end(body);
}

/** Started, and ended with the test. */
export async function startApp(t: TestContext, options: RecordingAppOptions = {}): Promise<RecordingApp> {
  const app = new RecordingApp(options);
  await app.start();
  t.after(() => app.stop());
  return app;
}

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
import { Num, type FlowState } from '../../src/flows/flow.js';
import type { Statement } from '../../src/flows/statement.js';
import { decodeStatement } from '../../src/flows/wire/index.js';
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
  /** Whether it takes statements, and says so. Default: no, as Scope's. */
  readonly takesFlows?: boolean;
}

/** What an app keeps of one probe's statements: the newest state, by its rules. */
export class KnownStates {
  #epoch = 0;
  #seq = 0;
  readonly #flows = new Map<number, FlowState>();

  /** Connections opened, as the newest state has them. */
  get opened(): number {
    let opened = 0;
    for (const { numbers } of this.#flows.values()) opened += numbers[Num.Opened]!;
    return opened;
  }

  take({ epoch, seq, base, flows, gone }: Statement): Answer {
    const have = epoch === this.#epoch ? this.#seq : 0;
    if (base !== 0 && base !== have) return { status: 409, body: JSON.stringify({ have }) };
    if (seq > have) {
      if (base === 0) this.#flows.clear();
      for (const { id, state } of flows) if (state !== undefined) this.#flows.set(id, state);
      for (const id of gone) this.#flows.delete(id);
      this.#epoch = epoch;
      this.#seq = seq;
    }
    return { status: 200, body: JSON.stringify({ seq: this.#seq }) };
  }
}

export class RecordingApp {
  /** Decoded, in order of arrival; those that were answered with 200 only. */
  readonly reports: Report[] = [];
  readonly statements: Statement[] = [];
  /** What it knows by the statements. */
  states = new KnownStates();
  /** Of every POST that came in full. */
  readonly headers: IncomingHttpHeaders[] = [];
  readonly bodies: Buffer[] = [];
  /** GET /api and POSTs that came in, refused ones included. */
  asked = 0;
  posted = 0;
  /** What a POST is answered with; 200 when it gives nothing. A promise makes the app slow. */
  onPost: (path: string) => Answer | undefined | Promise<Answer | undefined> = () => undefined;
  onAsk: () => Answer | undefined = () => undefined;
  /** Takes in what it is sent and ends the connection in the place of an answer. */
  losesAnswers = false;
  /** Whether every connection ends as soon as it is made. */
  #isCutOff = false;
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
    this.#server.on('connection', (socket) => {
      if (this.#isCutOff) socket.destroy();
    });
  }

  get url(): URL {
    return new URL(
      `${this.options.tls ? 'https' : 'http'}://${this.options.address ?? '127.0.0.1'}:${this.port}`,
    );
  }

  get isReachable(): boolean {
    return this.#server.listening && !this.#isCutOff;
  }

  /** Ends all connections, and those to come; it keeps its port, which another program could take otherwise. */
  cutOff(): void {
    this.#isCutOff = true;
    this.#server.closeAllConnections();
  }

  comeBack(): void {
    this.#isCutOff = false;
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
      const { takesFlows = false } = this.options;
      const identity = {
        id: this.id,
        version: 'test',
        capabilities: { historic_reports: false, ...(takesFlows && { flows: 1 }) },
      };
      send(response, this.onAsk() ?? { status: 200, body: JSON.stringify(identity) });
      return;
    }
    this.posted++;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    this.headers.push(request.headers);
    const answer = (await this.onPost(request.url ?? '')) ?? { status: 200 };
    const body = Buffer.concat(chunks);
    if (answer.status === 200) this.bodies.push(body);
    if (answer.status !== 200) send(response, answer);
    else if (request.url === '/api/flows') {
      const taken = this.take(body);
      if (this.losesAnswers) response.destroy();
      else send(response, taken);
    } else {
      this.reports.push(decodeReport(gunzipSync(body)));
      send(response, answer);
    }
  }

  /** As when it begins anew without anybody noticing. */
  forget(): void {
    this.states = new KnownStates();
  }

  private take(body: Buffer): Answer {
    const statement = decodeStatement(gunzipSync(body));
    const answer = this.states.take(statement);
    if (answer.status === 200) this.statements.push(statement);
    return { ...answer, headers: { 'x-topoprobe-app-id': this.id } };
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

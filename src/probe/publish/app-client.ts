/**
 * Talks HTTP with one app: asks who it is, sends it statements or reports, and answers what came of it in the terms that
 * matter to a sender. Connections are kept alive; one that turns out to have been closed meanwhile says nothing of the app, which is
 * asked once more on a new one. Redirects are not followed: a body goes where it was meant to go, or nowhere.
 */
import type { Agent as HttpAgent } from 'node:http';
import type { Agent as HttpsAgent } from 'node:https';
import type { LookupFunction } from 'node:net';
import type { AxiosProxyConfig, AxiosResponse } from 'axios';
import { APP_ID_HEADER, FLOWS_HEADER, FLOWS_PATH, FLOWS_VERSION } from '../../flows/exchange.js';
import { http, https } from '../../machine/node-http.js';
import { retryAfterMs } from './backoff.js';
import type { Credentials } from './credentials.js';
import { ProbeError } from '../errors.js';
import { axios } from './load-axios.js';
import { proxyFor, type ProxyRules } from './proxy.js';
import type { HostAddress, TargetAddress } from './target-address.js';
import type { TlsMaterial, TlsSettings } from './tls-material.js';

export type Failure =
  /** Nobody is there, or nobody that answers. */
  | { readonly kind: 'unreachable'; readonly reason: string }
  /** Somebody answers, and may do better later. */
  | {
      readonly kind: 'failing';
      readonly reason: string;
      readonly retryAfterMs?: number;
      /** A gateway answers in the place of an app that is away. */
      readonly isGateway?: boolean;
    }
  /** The credentials are not accepted; what was sent is not to blame. */
  | { readonly kind: 'unauthorised'; readonly reason: string; readonly retryAfterMs?: number }
  /** What was sent is not wanted, and will not be wanted later. */
  | { readonly kind: 'refused'; readonly reason: string; readonly retryAfterMs?: number };

export type Identity =
  { readonly kind: 'identified'; readonly appId: string; readonly takesFlows: boolean } | Failure;

/** `appId`: who answered, where the app says so (ours does, Scope's does not). */
export type Delivery = { readonly kind: 'delivered'; readonly appId: string | undefined } | Failure;

export type StatementDelivery =
  | Delivery
  /** The app has another state than the one that the statement builds on. */
  | { readonly kind: 'conflict'; readonly appId: string | undefined }
  /** There is no such route: an older app, or a proxy that knows only the old one. */
  | { readonly kind: 'no flows' };

export interface AppClientOptions extends ProxyRules {
  readonly probeId: string;
  readonly version: string;
  /** Milliseconds between two states: the app takes none to be missing before that. */
  readonly intervalMs?: number;
  readonly credentials: Credentials;
  readonly tls: TlsMaterial;
  /** For a whole exchange. */
  readonly askTimeoutMs: number;
  readonly sendTimeoutMs: number;
}

/** An app's answers are short; a longer one is none. */
const ANSWER_BYTES_MAX = 64 * 1024;
const IDLE_CONNECTION_MS = 90_000;
/** What a request on a connection that the other side has just closed ends with; a time-out is something else. */
const CLOSED_CODES: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE']);
/** Some proxies answer it to the next request when they close a connection that was idle for too long. */
const REQUEST_TIMEOUT_STATUS = 408;

const REPORT_PATH = '/api/report';

interface Agents {
  readonly http: HttpAgent;
  readonly https: HttpsAgent;
  /** What they were made with. */
  readonly tls: TlsSettings;
}

export class AppClient {
  #agents: Agents | undefined;
  #reconnects = 0;

  constructor(
    private readonly target: TargetAddress,
    private readonly options: AppClientOptions,
  ) {}

  /** How often a kept connection had been closed when it was needed. */
  get reconnects(): number {
    return this.#reconnects;
  }

  async identify(signal: AbortSignal): Promise<Identity> {
    const response = await this.#exchange('GET', '/api', undefined, signal);
    if ('kind' in response) return response;
    const failure = failureOf(response);
    if (failure) return failure;
    const answer = asRecord(response.data);
    const appId = answer?.['id'];
    if (typeof appId !== 'string' || appId === '') {
      return { kind: 'failing', reason: 'what answers at /api is no app' };
    }
    const capabilities = answer?.['capabilities'];
    const takesFlows =
      typeof capabilities === 'object' &&
      capabilities !== null &&
      'flows' in capabilities &&
      capabilities.flows === FLOWS_VERSION;
    return { kind: 'identified', appId, takesFlows };
  }

  /** @param body a report as gzipped MessagePack */
  async sendReport(body: Buffer, signal: AbortSignal): Promise<Delivery> {
    const response = await this.#exchange('POST', REPORT_PATH, body, signal);
    if ('kind' in response) return response;
    return failureOf(response) ?? { kind: 'delivered', appId: takerOf(response) };
  }

  /** @param body a statement, gzipped */
  async sendStatement(body: Buffer, signal: AbortSignal): Promise<StatementDelivery> {
    const response = await this.#exchange('POST', FLOWS_PATH, body, signal);
    if ('kind' in response) return response;
    if (response.status === 409) return { kind: 'conflict', appId: takerOf(response) };
    if (response.status === 404 || response.status === 405) return { kind: 'no flows' };
    return failureOf(response) ?? { kind: 'delivered', appId: takerOf(response) };
  }

  close(): void {
    this.#agents?.http.destroy();
    this.#agents?.https.destroy();
    this.#agents = undefined;
  }

  async #exchange(
    method: 'GET' | 'POST',
    path: string,
    body: Buffer | undefined,
    signal: AbortSignal,
  ): Promise<AxiosResponse<unknown> | Failure> {
    try {
      const first = await this.#tryOnce(method, path, body, signal);
      if (first !== 'closed meanwhile') return first;
      // What was taken in all the same does no harm when it comes again.
      this.close();
      this.#reconnects++;
      const again = await this.#tryOnce(method, path, body, signal);
      return again === 'closed meanwhile'
        ? { kind: 'unreachable', reason: 'it closes every connection' }
        : again;
    } catch (error) {
      if (error instanceof ProbeError) {
        const kind = error.code === 'PROXY_UNUSABLE' ? 'unreachable' : 'unauthorised';
        return { kind, reason: error.message };
      }
      return { kind: 'unreachable', reason: reasonOf(error) };
    }
  }

  /** @returns `closed meanwhile` when the request met a kept connection that the other side had given up */
  async #tryOnce(
    method: 'GET' | 'POST',
    path: string,
    body: Buffer | undefined,
    signal: AbortSignal,
  ): Promise<AxiosResponse<unknown> | 'closed meanwhile'> {
    const { url } = this.target;
    const { probeId, version, intervalMs, askTimeoutMs, sendTimeoutMs } = this.options;
    const { http, https } = this.#agentsNow();
    try {
      const response = await axios.request<unknown>({
        method,
        url: new URL(path, url.origin).href,
        headers: {
          'User-Agent': `Scope_Probe/${version}`,
          [FLOWS_HEADER]: String(FLOWS_VERSION),
          'X-Scope-Probe-ID': probeId,
          'X-Scope-Probe-Version': version,
          Authorization: this.options.credentials.authorization(url),
          ...(body && {
            'Content-Type': 'application/msgpack',
            'Content-Encoding': 'gzip',
            ...(intervalMs !== undefined && { 'X-Topoprobe-Interval': String(Math.ceil(intervalMs)) }),
          }),
        },
        ...(body && { data: body }),
        timeout: body ? sendTimeoutMs : askTimeoutMs,
        signal,
        httpAgent: http,
        httpsAgent: https,
        proxy: axiosProxy(proxyFor(url, this.options)),
        maxRedirects: 0,
        maxContentLength: ANSWER_BYTES_MAX,
        maxBodyLength: Infinity,
        responseType: 'text',
        // axios would parse as JSON whatever looks like it.
        transformResponse: (text: unknown) => text,
        validateStatus: () => true,
      });
      const isGivenUp = response.status === REQUEST_TIMEOUT_STATUS && wasKept(response.request);
      return isGivenUp ? 'closed meanwhile' : response;
    } catch (error) {
      if (axios.isAxiosError(error) && wasKept(error.request) && CLOSED_CODES.has(error.code ?? ''))
        return 'closed meanwhile';
      throw error;
    }
  }

  #agentsNow(): Agents {
    const tls = this.options.tls.settings();
    if (this.#agents?.tls === tls) return this.#agents;
    this.close();
    const common = {
      keepAlive: true,
      maxSockets: 1,
      timeout: IDLE_CONNECTION_MS,
      ...lookupOf(this.target.address),
    };
    return (this.#agents = {
      http: new http.Agent(common),
      https: new https.Agent({ ...common, ...tls, rejectUnauthorized: true, minVersion: 'TLSv1.2' }),
      tls,
    });
  }
}

/** Always told, so that axios reads no environment of its own. */
function axiosProxy(proxy: URL | undefined): AxiosProxyConfig | false {
  if (!proxy) return false;
  const { protocol, hostname, port, username, password } = proxy;
  return {
    protocol,
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(port || (protocol === 'https:' ? 443 : 80)),
    ...(username !== '' && {
      auth: { username: decodeURIComponent(username), password: decodeURIComponent(password) },
    }),
  };
}

/** Whether a request of Node's went out on a connection of an earlier one. */
function wasKept(request: unknown): boolean {
  return (
    typeof request === 'object' &&
    request !== null &&
    'reusedSocket' in request &&
    request.reusedSocket === true
  );
}

/** Leads the connection to the one address that is meant. */
function lookupOf(address: HostAddress | undefined): { lookup?: LookupFunction } {
  if (!address) return {};
  return {
    lookup: (_hostname, options, done) => {
      if (options.all) done(null, [address]);
      else done(null, address.address, address.family);
    },
  };
}

/** The id of the app that answered, where it says so. */
function takerOf({ headers }: AxiosResponse<unknown>): string | undefined {
  const appId: unknown = headers[APP_ID_HEADER];
  return typeof appId === 'string' ? appId : undefined;
}

/** Undefined for a success. */
function failureOf({ status, headers, data }: AxiosResponse<unknown>): Failure | undefined {
  if (status >= 200 && status < 300) return undefined;
  const fault = asRecord(data);
  const text = typeof fault?.['error'] === 'string' ? fault['error'] : data;
  const said = typeof text === 'string' ? firstLine(text) : '';
  const isRedirect = status >= 300 && status < 400;
  const advice = isRedirect ? " and leads elsewhere: name the app's final address" : '';
  const wait = retryAfterMs(headers['retry-after']);
  const rest = {
    reason: `it answers ${status}${said === '' ? '' : `: ${said}`}${advice}`,
    ...(wait !== undefined && { retryAfterMs: wait }),
  };
  // The name it is asked by is not to its liking; the credentials are not to blame.
  if (status === 403 && fault?.['code'] === 'FOREIGN_HOST') return { kind: 'failing', ...rest };
  if (status === 401 || status === 403 || status === 407) return { kind: 'unauthorised', ...rest };
  const isTemporary = isRedirect || status === 408 || status === 425 || status === 429 || status >= 500;
  if (!isTemporary) return { kind: 'refused', ...rest };
  return { kind: 'failing', ...rest, isGateway: status >= 502 && status <= 504 };
}

const SHOWN_CHARACTERS = 200;

function firstLine(text: string): string {
  const [line = ''] = text.trim().split(/[\r\n]/, 1);
  return line.replace(/[^\x20-\x7e]/g, '?').slice(0, SHOWN_CHARACTERS);
}

function asRecord(text: unknown): Record<string, unknown> | undefined {
  try {
    const value: unknown = typeof text === 'string' ? JSON.parse(text) : undefined;
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** Never the request itself, which holds credentials. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof AggregateError && error.errors[0] instanceof Error) return error.errors[0].message;
  const { cause } = error;
  return error.message !== '' ? error.message : cause instanceof Error ? cause.message : error.name;
}

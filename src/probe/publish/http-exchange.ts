/**
 * One HTTP exchange: a short body goes out, a short answer comes back, all within a time. Redirects are not followed.
 * A client library would be less to read here, but each takes more resident memory than the probe's own code.
 */
import {
  request as httpRequest,
  type Agent,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from 'node:http';
import { request as httpsRequest } from 'node:https';
import { authorizationOf, TunnelRefusal } from './tunnel-agent.js';

export interface Exchange {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  /** Those without a value are left out. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body?: Buffer;
  readonly timeoutMs: number;
  /** Of the answer; a longer one is an error. */
  readonly maxAnswerBytes: number;
  readonly signal: AbortSignal;
  readonly agent: Agent;
  /** Asked for the whole URL in the app's place; a tunnel is the agent's matter. */
  readonly forwardingProxy?: URL;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** @throws Error of the network, for an answer that is too long or too late, and when the signal is given */
export async function exchange(asked: Exchange): Promise<Answer> {
  const late = new AbortController();
  const tooLate = new Error(`no whole answer within ${asked.timeoutMs} ms`);
  const timer = setTimeout(() => {
    late.abort();
  }, asked.timeoutMs);
  try {
    const response = await respond(asked, late.signal);
    const text = await textOf(response, asked.maxAnswerBytes);
    return { status: response.statusCode ?? 0, headers: response.headers, text };
  } catch (error) {
    // A proxy's refusal to lead to the app is judged as an answer: it may want other credentials, or come right.
    if (error instanceof TunnelRefusal) return { status: error.status, headers: error.headers, text: '' };
    throw late.signal.aborted ? tooLate : error;
  } finally {
    clearTimeout(timer);
  }
}

function respond(asked: Exchange, late: AbortSignal): Promise<IncomingMessage> {
  const { method, url, agent, body, forwardingProxy, signal } = asked;
  const server = forwardingProxy ?? url;
  const authorization = forwardingProxy && authorizationOf(forwardingProxy);
  const headers: Exchange['headers'] = {
    ...asked.headers,
    Host: url.host,
    ...(authorization !== undefined && { 'Proxy-Authorization': authorization }),
  };
  return new Promise((resolve, reject) => {
    const request = (server.protocol === 'https:' ? httpsRequest : httpRequest)(
      {
        method,
        host: server.hostname.replace(/^\[(.*)\]$/, '$1'),
        port: server.port,
        path: forwardingProxy ? url.href : url.pathname + url.search,
        headers: Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined)),
        agent,
        signal,
      },
      resolve,
    );
    // It stays for the whole exchange: whatever comes after the headers shows at the response, too.
    request.on('error', reject);
    late.addEventListener('abort', () => request.destroy(), { once: true });
    request.end(body);
  });
}

async function textOf(response: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    // Leaving the loop destroys the response, and the connection with it.
    if (bytes > maxBytes) throw new Error(`its answer is longer than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

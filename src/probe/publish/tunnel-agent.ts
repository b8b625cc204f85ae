/** Connections to https apps through a proxy, which is asked (CONNECT) to lead there and sees nothing of what is said. */
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import {
  Agent as HttpsAgent,
  request as httpsRequest,
  type AgentOptions,
  type RequestOptions,
} from 'node:https';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';

/** The proxy answers, but does not lead to the app. */
export class TunnelRefusal extends Error {
  constructor(
    readonly status: number,
    readonly headers: IncomingHttpHeaders,
  ) {
    super(`the proxy answers ${status}`);
    this.name = 'TunnelRefusal';
  }
}

/** What a proxy's URL says about who asks. */
export function authorizationOf({ username, password }: URL): string | undefined {
  if (username === '' && password === '') return undefined;
  const who = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return `Basic ${Buffer.from(who).toString('base64')}`;
}

export class TunnelAgent extends HttpsAgent {
  constructor(
    private readonly proxy: URL,
    options: AgentOptions,
  ) {
    super(options);
  }

  /** As the agent calls it: answers by `done`. */
  override createConnection(
    options: RequestOptions,
    done?: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    // With an error the agent takes no stream, whatever its type says.
    const fail = done as ((error: Error) => void) | undefined;
    const host = options.host ?? '';
    const target = `${host.includes(':') ? `[${host}]` : host}:${options.port ?? ''}`;
    const authorization = authorizationOf(this.proxy);
    const { protocol, hostname, port } = this.proxy;
    const request = (protocol === 'https:' ? httpsRequest : httpRequest)({
      method: 'CONNECT',
      host: hostname.replace(/^\[(.*)\]$/, '$1'),
      port,
      path: target,
      headers: {
        Host: target,
        ...(authorization !== undefined && { 'Proxy-Authorization': authorization }),
      },
      agent: false,
      timeout: this.options.timeout,
    });
    request.once('timeout', () => request.destroy(new Error('the proxy does not answer')));
    request.once('error', (error) => fail?.(error));
    request.once('connect', ({ statusCode = 0, headers }, socket) => {
      if (statusCode !== 200) {
        socket.destroy();
        fail?.(new TunnelRefusal(statusCode, headers));
        return;
      }
      const servername = isIP(host) === 0 ? host : '';
      done?.(null, connectTls({ servername, ...(options as ConnectionOptions), socket }));
    });
    request.end();
    return undefined;
  }
}

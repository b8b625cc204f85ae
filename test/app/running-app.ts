/** A real app on a free port for one test, ended with the test. */
import type { TestContext } from 'node:test';
import { createApp, type AppOptions } from '../../src/app/index.js';
import { encodeReport } from '../../src/report/index.js';
import type { Report } from '../../src/report/model/model.js';

export interface RunningApp {
  readonly url: string;
  /** GET; JSON answers are parsed. */
  get(
    path: string,
    headers?: Record<string, string>,
  ): Promise<{ status: number; headers: Headers; body: unknown }>;
  /** POST /api/report as MessagePack. */
  report(report: Report, probe?: string): Promise<Response>;
  post(body: Buffer | string, headers: Record<string, string>): Promise<Response>;
}

export async function runApp(t: TestContext, options: AppOptions = {}): Promise<RunningApp> {
  const app = await createApp({ views: 'newest', ...options });
  t.after(() => app.close());
  const url = (await app.listen({ host: '127.0.0.1', port: 0 })).origin;
  const post = (body: Buffer | string, headers: Record<string, string>): Promise<Response> =>
    fetch(`${url}/api/report`, { method: 'POST', body, headers });
  return {
    url,
    post,
    report: (report, probe = 'probe-1') =>
      post(Buffer.from(encodeReport(report)), {
        'content-type': 'application/msgpack',
        'x-scope-probe-id': probe,
      }),
    async get(path, headers = {}) {
      const response = await fetch(url + path, { headers });
      const text = await response.text();
      const isJson = response.headers.get('content-type')?.includes('json') === true;
      return {
        status: response.status,
        headers: response.headers,
        body: isJson ? (JSON.parse(text) as unknown) : text,
      };
    },
  };
}

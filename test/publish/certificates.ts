/** An authority, and certificates of it, made for one test. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
  readonly cert: Buffer;
  readonly key: Buffer;
}

export interface Authority {
  readonly folder: string;
  readonly caFile: string;
  readonly ca: Buffer;
  /** @param names as in a certificate: `DNS:app.example`, `IP:127.0.0.1` */
  issue(name: string, ...names: readonly string[]): Certificate;
}

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
const openssl = (...args: readonly string[]): void => {
  execFileSync('openssl', args, { stdio: 'pipe' });
};

export function createAuthority(t: TestContext): Authority {
  const folder = mkdtempSync(join(tmpdir(), 'topoprobe-tls-'));
  t.after(() => {
    rmSync(folder, { recursive: true });
  });
  const caFile = join(folder, 'ca.pem');
  const caKey = join(folder, 'ca.key');
  openssl(
    'req',
    '-x509',
    ...KEY,
    '-days',
    '2',
    '-subj',
    '/CN=test authority',
    '-keyout',
    caKey,
    '-out',
    caFile,
  );
  return {
    folder,
    caFile,
    ca: readFileSync(caFile),
    issue(name, ...names) {
      const [certFile, keyFile, request, extensions] = ['pem', 'key', 'csr', 'ext'].map((end) =>
        join(folder, `${name}.${end}`),
      ) as [string, string, string, string];
      openssl('req', ...KEY, '-subj', `/CN=${name}`, '-keyout', keyFile, '-out', request);
      writeFileSync(extensions, names.length > 0 ? `subjectAltName=${names.join(',')}\n` : '');
      const signing = [
        '-CA',
        caFile,
        '-CAkey',
        caKey,
        '-CAcreateserial',
        '-days',
        '2',
        '-extfile',
        extensions,
      ];
      openssl('x509', '-req', '-in', request, ...signing, '-out', certFile);
      return { certFile, keyFile, cert: readFileSync(certFile), key: readFileSync(keyFile) };
    },
  };
}

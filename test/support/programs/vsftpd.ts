/** A real vsftpd for one test, for everybody without a password, and the truth about it: its log of downloads. */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { waitFor } from '../wait-for.js';
import { debianCommand } from './debian.js';
import { runIn, startReal, type Place, type RealProcess } from './real-process.js';

/** The port that it connects from when it is the client of a data connection. */
export const DATA_PORT = 20;

export interface Vsftpd {
  readonly process: RealProcess;
  /** Addresses that each downloaded the file, one for each download. */
  downloads(): readonly string[];
}

/** @param passivePort where clients connect to for data, unless they have it connect to them */
export async function startVsftpd(
  t: TestContext,
  place: Place,
  address: string,
  passivePort: number,
): Promise<Vsftpd> {
  const folder = mkdtempSync(join(tmpdir(), 'tp-vsftpd-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [files, empty, log] = [join(folder, 'files'), join(folder, 'empty'), join(folder, 'log')];
  chmodSync(folder, 0o755);
  for (const each of [files, empty]) mkdirSync(each, { mode: 0o755 });
  writeFileSync(join(files, 'file'), 'x'.repeat(1000));
  const settings = {
    listen: 'YES',
    background: 'NO',
    listen_address: address,
    anonymous_enable: 'YES',
    no_anon_password: 'YES',
    local_enable: 'NO',
    // One of Debian's users whose home is there.
    ftp_username: 'daemon',
    anon_root: files,
    secure_chroot_dir: empty,
    connect_from_port_20: 'YES',
    ftp_data_port: DATA_PORT,
    pasv_min_port: passivePort,
    pasv_max_port: passivePort,
    xferlog_enable: 'YES',
    xferlog_std_format: 'NO',
    vsftpd_log_file: log,
    // It refuses system calls that newer libraries make.
    seccomp_sandbox: 'NO',
    // It would enter a network namespace that outlives it for a while.
    isolate_network: 'NO',
    isolate: 'NO',
  };
  const file = join(folder, 'vsftpd.conf');
  writeFileSync(
    file,
    Object.entries(settings)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  );
  const vsftpd = await startReal(t, place, debianCommand('vsftpd', file));
  await waitFor(
    'vsftpd listens',
    () => {
      if (vsftpd.child.exitCode !== null)
        throw new Error(`vsftpd ended: ${vsftpd.stdout()}${vsftpd.stderr()}`);
      return runIn(place, ['ss', '-Hltn', 'sport', '=', ':21']);
    },
    (listening) => listening !== '',
  );
  return {
    process: vsftpd,
    downloads: () =>
      existsSync(log)
        ? [...readFileSync(log, 'utf8').matchAll(/OK DOWNLOAD: Client "(?:::ffff:)?([^"]+)"/g)].map(
            ([, client = '']) => client,
          )
        : [],
  };
}

/** Downloads the file by curl: over a connection that vsftpd opens to `address` (active), or that curl opens (passive). */
export function startDownload(
  t: TestContext,
  place: Place,
  server: string,
  address: string,
  mode: 'active' | 'passive',
): Promise<RealProcess> {
  const data = mode === 'active' ? ['--ftp-port', address] : ['--ftp-pasv'];
  return startReal(t, place, [
    ...['curl', '-sS', '--max-time', '20', '--interface', address, ...data, '-o', '/dev/null'],
    `ftp://${server}/file`,
  ]);
}

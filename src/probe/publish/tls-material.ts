/**
 * Certificates for https targets: authorities to trust besides none, and the client's own. Read again when the files
 * change. There is no switch to trust anyone: a body leaves only to a host whose certificate bears its name.
 */
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { ProbeError } from '../errors.js';
import { ReloadingFile } from './reloading-file.js';

export interface TlsOptions {
  /** PEM file of authorities that replace the built-in ones. */
  readonly caFile?: string;
  /** PEM files of the client certificate and its key. */
  readonly certFile?: string;
  readonly keyFile?: string;
}

export type TlsSettings = Pick<SecureContextOptions, 'ca' | 'cert' | 'key'>;

export interface TlsMaterial {
  /** The same object as long as no file changed. @throws ProbeError */
  settings(): TlsSettings;
}

/** Reads and checks the files once. @throws ProbeError */
export function createTlsMaterial(options: TlsOptions): TlsMaterial {
  const files = (
    [
      ['ca', options.caFile],
      ['cert', options.certFile],
      ['key', options.keyFile],
    ] as const
  ).flatMap(([use, path]) => (path === undefined ? [] : [{ use, file: new ReloadingFile(path) }]));
  let settings: TlsSettings = {};
  let contents: readonly Buffer[] = [];
  const material = {
    settings(): TlsSettings {
      const read = files.map(({ file }) => readPem(file));
      if (read.every((content, i) => content === contents[i]) && read.length === contents.length)
        return settings;
      const fresh: TlsSettings = Object.fromEntries(files.map(({ use }, i) => [use, read[i]]));
      try {
        createSecureContext(fresh);
      } catch (cause) {
        const paths = files.map(({ file }) => file.path).join(', ');
        throw new ProbeError('TLS_FILE_MALFORMED', `cannot use ${paths}: ${String(cause)}`, { cause });
      }
      contents = read;
      return (settings = fresh);
    },
  };
  material.settings();
  return material;
}

function readPem(file: ReloadingFile): Buffer {
  try {
    return file.read();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ProbeError('TLS_FILE_UNREADABLE', `cannot read a certificate or key: ${reason}`, { cause });
  }
}

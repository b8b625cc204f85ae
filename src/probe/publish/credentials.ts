/**
 * Who the probe says it is: a token, or user and password. From memory, or from a file that is read again when it
 * changes. A target's URL can carry user and password of its own. Never logged.
 */
import { ProbeError } from '../errors.js';
import { ReloadingFile } from './reloading-file.js';

export interface CredentialOptions {
  /** The token itself. */
  readonly token?: string;
  /** File that holds the token. */
  readonly tokenFile?: string;
  /** `user:password`. */
  readonly basic?: string;
  /** File that holds `user:password`. */
  readonly basicFile?: string;
}

export interface Credentials {
  /** Value of the Authorization header for a target, as of now. @throws ProbeError CREDENTIALS_UNREADABLE */
  authorization(target: URL): string;
}

/** Reads the files once. @throws ProbeError CREDENTIALS_UNREADABLE */
export function createCredentials(options: CredentialOptions): Credentials {
  const { tokenFile, basicFile } = options;
  const read = (file: ReloadingFile): string => {
    try {
      return file.read().toString('utf8').trim();
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new ProbeError('CREDENTIALS_UNREADABLE', `cannot read credentials: ${reason}`, { cause });
    }
  };
  const watchedToken = tokenFile === undefined ? undefined : new ReloadingFile(tokenFile);
  const watchedBasic = basicFile === undefined ? undefined : new ReloadingFile(basicFile);
  const common = (): string => {
    if (watchedBasic) return basicHeader(read(watchedBasic));
    if (watchedToken) return tokenHeader(read(watchedToken));
    return options.basic === undefined ? tokenHeader(options.token ?? '') : basicHeader(options.basic);
  };
  common();
  return {
    authorization(target) {
      if (target.username === '' && target.password === '') return common();
      return basicHeader(`${decodeURIComponent(target.username)}:${decodeURIComponent(target.password)}`);
    },
  };
}

const basicHeader = (userAndPassword: string): string =>
  `Basic ${Buffer.from(userAndPassword, 'utf8').toString('base64')}`;
const tokenHeader = (token: string): string => `Scope-Probe token=${token}`;

/**
 * Debian's packages for one processor, downloaded and unpacked into folders: nothing is installed, and this machine's own
 * lists of packages and processors stay as they are. apt checks every download against its signed lists.
 */
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CACHE } from './cache.js';
import type { Architecture } from './kernels.js';
import { runCommand } from './run-command.js';
import { orUnavailable, UnavailableError } from './unavailable.js';

/** Its methods reject with an UnavailableError when Debian's archive can't be reached. */
export class DebianPackages {
  #isReady: Promise<void> | undefined;
  readonly #home: string;

  constructor(readonly architecture: Architecture) {
    this.#home = join(CACHE, `apt-${architecture}-${process.pid}`);
  }

  /** The newest package with such a name: its last version number decides. */
  async newest(pattern: string): Promise<string> {
    const found = await this.#apt('apt-cache', 'search', '--names-only', pattern);
    const names = found.split('\n').flatMap((line) => /^\S+/.exec(line)?.[0] ?? []);
    const byNumber = new Intl.Collator('en', { numeric: true }).compare;
    const name = names.sort(byNumber).at(-1);
    if (name === undefined)
      throw new UnavailableError(
        `could not find a package ${pattern} for ${this.architecture} in Debian's lists: is its archive named in /etc/apt, and can it be reached?`,
      );
    return name;
  }

  /** Unpacks packages, without what they depend on. */
  async unpack(names: readonly string[], into: string): Promise<void> {
    const folder = join(this.#home, 'download');
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    await this.#apt('apt-get', 'download', ...names);
    for (const file of await readdir(folder))
      await runCommand(`unpack ${file}`, ['dpkg-deb', '--extract', join(folder, file), into]);
    await rm(folder, { recursive: true });
  }

  /** Unpacks packages with everything they need. */
  async unpackWithDependencies(names: readonly string[], into: string): Promise<void> {
    // Of an empty machine apt says what is to be installed in all.
    const plan = await this.#apt('apt-get', '--simulate', 'install', '--no-install-recommends', ...names);
    const all = plan.split('\n').flatMap((line) => /^Inst (\S+)/.exec(line)?.[1] ?? []);
    await this.unpack(all, into);
  }

  /** Removes its lists: they are fetched again by who needs them. */
  async close(): Promise<void> {
    await rm(this.#home, { recursive: true, force: true });
  }

  async #apt(program: string, ...args: readonly string[]): Promise<string> {
    await (this.#isReady ??= this.#fetchLists());
    return this.#run(program, ...args);
  }

  async #fetchLists(): Promise<void> {
    for (const folder of ['state/lists/partial', 'cache/archives/partial', 'download'])
      await mkdir(join(this.#home, folder), { recursive: true });
    await this.#run('apt-get', 'update');
  }

  #run(program: string, ...args: readonly string[]): Promise<string> {
    const options = [
      `APT::Architecture=${this.architecture}`,
      `APT::Architectures=${this.architecture}`,
      `Dir::State=${this.#home}/state`,
      'Dir::State::status=/dev/null',
      `Dir::Cache=${this.#home}/cache`,
      'APT::Sandbox::User=root', // apt's own user may not be allowed to enter this folder
      'Acquire::Retries=3',
    ].flatMap((option) => ['-o', option]);
    const attempt = `get Debian's packages for ${this.architecture} (${program} ${args.join(' ').slice(0, 60)})`;
    const cwd = program === 'apt-get' && args[0] === 'download' ? { cwd: join(this.#home, 'download') } : {};
    return orUnavailable(runCommand(attempt, [program, ...options, '-q', ...args], cwd));
  }
}

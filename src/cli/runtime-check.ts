/** Which Node.js the program runs on, and why not on its own where it is another one: what the launcher chose. */
import { execFile } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Check } from './check.js';
import { PROJECT_ROOT } from './installation.js';

/** Where npm puts it: below the program, or beside it where the program is a package of another one. */
const FOLDERS = [join(PROJECT_ROOT, 'node_modules'), dirname(PROJECT_ROOT)];
const PACKAGE = `node-linux-${process.arch}`;
const NAME = 'Node.js';
const TIMEOUT_MS = 10_000;

/** @param folders that the program's own Node.js may be installed in */
export async function runtimeCheck(folders = FOLDERS): Promise<Check> {
  const running = `${process.version} at ${process.execPath}`;
  const own = folders
    .map((folder) => pathOf(join(folder, PACKAGE, 'bin/node')))
    .find((path) => path !== undefined);
  if (own === undefined)
    return {
      name: NAME,
      status: 'missing',
      detail: `${running}; its own is not installed: npm ci does that`,
    };
  if (own === pathOf(process.execPath))
    return { name: NAME, status: 'usable', detail: `${running}, which came with the program` };
  const reason = await whyNotStarting(own);
  return reason === undefined
    ? { name: NAME, status: 'usable', detail: `${running}, as asked for in place of its own` }
    : {
        name: NAME,
        status: 'refused',
        detail: `${running}; its own does not start: ${reason}; install what is missing (Debian: libatomic1, libstdc++6)`,
      };
}

function pathOf(file: string): string | undefined {
  try {
    return realpathSync(file);
  } catch {
    return undefined;
  }
}

/** In one line; undefined where it starts. */
async function whyNotStarting(node: string): Promise<string | undefined> {
  try {
    await promisify(execFile)(node, ['--version'], { env: {}, timeout: TIMEOUT_MS });
    return undefined;
  } catch (error) {
    const { stderr = '', message } = error as Error & { stderr?: string };
    return (stderr.trim() || message).split('\n', 1)[0];
  }
}

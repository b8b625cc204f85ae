/** Idle connections as load: real sockets, held by processes of their own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const HOLD = fileURLToPath(new URL('../hold', import.meta.url));
/** Descriptors that a process may hold here; each connection takes two. */
const CONNECTIONS_EACH = 8000;

export interface HeldConnections {
  readonly connections: number;
  readonly sockets: number;
  /** Closes them all. */
  release(): Promise<void>;
}

/** @param processes default: as few as can hold them */
export async function holdConnections(
  wanted: number,
  processes = Math.ceil(wanted / CONNECTIONS_EACH),
): Promise<HeldConnections> {
  const each = Math.ceil(wanted / processes);
  const child = spawn(HOLD, ['-p', String(processes), '-n', String(each)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const ready = await Promise.race([once(child.stdout, 'data'), exited.then(() => undefined)]);
  if (ready === undefined) throw new Error('the program that holds connections ended too early');
  const { connections, sockets } = JSON.parse(String(ready[0])) as { connections: number; sockets: number };
  return {
    connections,
    sockets,
    async release() {
      child.stdin.end();
      await exited;
    },
  };
}

/** Short connections as load: as many as the machine makes, by a program of its own that counts them. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const CHURN = fileURLToPath(new URL('../churn', import.meta.url));
const CLIENTS = 2;

export interface Churn {
  readonly pid: number;
  /** Of the server. */
  readonly port: number;
  readonly connections: number;
  readonly perSecond: number;
  /** Of the load itself, both ends, user and system. BPF programs that run for its sockets are in it. */
  readonly cpuSeconds: number;
}

/** @param perSecond at most; default: no bound */
export async function churn(seconds: number, perSecond = Infinity): Promise<Churn> {
  const most = Number.isFinite(perSecond) ? ['-r', String(perSecond)] : [];
  const args = ['-s', String(seconds), '-c', String(CLIENTS), ...most];
  const { stdout } = await promisify(execFile)(CHURN, args);
  return JSON.parse(stdout) as Churn;
}

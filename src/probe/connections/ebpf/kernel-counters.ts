/**
 * The kernel's own counts of TCP connections per network namespace: /proc/PID/net/snmp of one process in each (RFC 4022;
 * net/ipv4/proc.c), or the same file read from inside a namespace without a process.
 */
import { readFile } from 'node:fs/promises';
import { AddonUnavailableError, readInNamespaces, type NetNamespace } from 'ebpf-bridge/procfs';
import { withoutProcess } from '../../namespaces/net-namespaces.js';

/** Since the namespace was made; `established` is as of now. */
export interface TcpCounts {
  /** Connects that sent a SYN. */
  readonly active: number;
  /** Handshakes completed on the accepting side. */
  readonly passive: number;
  /** Sockets that are ESTABLISHED or CLOSE-WAIT. */
  readonly established: number;
}

const COLUMNS = { active: 'ActiveOpens', passive: 'PassiveOpens', established: 'CurrEstab' } as const;
/** Files read at once. */
const CONCURRENCY = 8;

/** The counts in the text of /proc/net/snmp; undefined if it has none. */
export function parseTcpCounts(text: string): TcpCounts | undefined {
  const [names, values] = text
    .split('\n')
    .filter((line) => line.startsWith('Tcp: '))
    .map((line) => line.split(' '));
  if (names === undefined || values === undefined) return undefined;
  const valueOf = (column: string): number => {
    const at = names.indexOf(column);
    const value = at < 0 ? '' : (values[at] ?? '');
    return /^\d{1,20}$/.test(value) ? Number(value) : NaN;
  };
  const counts = {
    active: valueOf(COLUMNS.active),
    passive: valueOf(COLUMNS.passive),
    established: valueOf(COLUMNS.established),
  };
  return Object.values(counts).some(Number.isNaN) ? undefined : counts;
}

/** By inode of the namespace. Leaves out a namespace whose process ends meanwhile: it is not compared this time. */
export async function readKernelCounts(
  procRoot: string,
  namespaces: readonly NetNamespace[],
): Promise<Map<number, TcpCounts>> {
  const counts = new Map<number, TcpCounts>();
  const waiting = namespaces.filter(({ pid }) => pid !== 0);
  const readNext = async (): Promise<void> => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const text = await readFile(`${procRoot}/${next.pid}/net/snmp`, 'latin1').catch(() => '');
      const parsed = parseTcpCounts(text);
      if (parsed !== undefined) counts.set(next.inode, parsed);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, readNext));
  const others = withoutProcess(namespaces);
  for (const [i, text] of (await readInside(others)).entries()) {
    const parsed = parseTcpCounts(text);
    if (parsed !== undefined) counts.set(others[i]!.inode, parsed);
  }
  return counts;
}

async function readInside(namespaces: readonly NetNamespace[]): Promise<readonly string[]> {
  try {
    return await readInNamespaces(
      namespaces.map(({ path }) => path),
      'snmp',
    );
  } catch (error) {
    if (error instanceof AddonUnavailableError) return [];
    throw error;
  }
}

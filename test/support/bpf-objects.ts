/** BPF programs, maps and links in the kernel: which a process holds, and which of them are still there. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const KINDS = ['prog', 'map', 'link'] as const;
const DEADLINE_MS = 10_000;

/** `kind id` of all that a process holds open, by its descriptors: exact even while others load programs of their own. */
export function heldBy(pid: number | 'self'): string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      const info = readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8');
      return [...info.matchAll(/^(prog_id|map_id|link_id):\s+(\d+)/gm)].map(
        ([, kind = '', id = '']) => `${kind.replace('_id', '')} ${id}`,
      );
    } catch {
      return []; // closed meanwhile, as the descriptor that lists the others is
    }
  });
}

/** Those of `objects` that the kernel lists. */
function listed(objects: ReadonlySet<string>): string[] {
  return KINDS.flatMap((kind) => {
    const all = JSON.parse(execFileSync('bpftool', ['--json', kind, 'list'], { encoding: 'utf8' })) as {
      id: number;
    }[];
    return all.map(({ id }) => `${kind} ${id}`);
  }).filter((object) => objects.has(object));
}

/** Those that are left. The kernel frees programs and maps a grace period after the last descriptor is closed. */
export async function leftOf(objects: ReadonlySet<string>): Promise<string[]> {
  const deadline = Date.now() + DEADLINE_MS;
  while (listed(objects).length > 0 && Date.now() < deadline) await sleep(100);
  return listed(objects);
}

export const isOfKind = (kind: (typeof KINDS)[number]): ((object: string) => boolean) => {
  return (object) => object.startsWith(`${kind} `);
};

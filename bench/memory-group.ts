/**
 * A memory cgroup of its own for a process: what the kernel charges to it, its eBPF maps and other kernel memory included,
 * less the pages of files that it would give back first. That is the working set that Kubernetes evicts by.
 *
 * Both versions of cgroups: v2 where its memory controller is to be had, else v1. The group is made below the caller's
 * own, so that all limits stay in force. A page of a file is charged to whoever read it first: compare a process only
 * with another that was started in the same way after it was read once.
 */
import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

export type CgroupVersion = 'v1' | 'v2';

const MIB = 1024 * 1024;
const USAGE = { v1: 'memory.usage_in_bytes', v2: 'memory.current' } as const;
/** Of the group and those below it. */
const INACTIVE_FILE = { v1: /^total_inactive_file (\d+)$/m, v2: /^inactive_file (\d+)$/m } as const;

export class MemoryGroup {
  private constructor(
    readonly version: CgroupVersion,
    private readonly folder: string,
  ) {}

  /** @returns why there can be none here, in one line, when there is none */
  static create(name: string): MemoryGroup | string {
    const place = placeOf(readFileSync('/proc/self/mountinfo', 'utf8'));
    if (place === undefined) return 'no memory cgroup is mounted that groups can be made in';
    const folder = join(place.parent, `topoprobe-${name}-${process.pid}`);
    try {
      mkdirSync(folder);
    } catch (error) {
      return `could not make a memory cgroup: ${String(error)}`;
    }
    return new MemoryGroup(place.version, folder);
  }

  /** Starts a program in the group: from its first page on everything is charged there. */
  spawn(command: string, args: readonly string[], stdio: StdioOptions): ChildProcess {
    const enter = 'echo $$ > "$0" && exec "$@"';
    return spawn('sh', ['-c', enter, join(this.folder, 'cgroup.procs'), command, ...args], { stdio });
  }

  workingSetMib(): number {
    const usage = Number(readFileSync(join(this.folder, USAGE[this.version]), 'latin1'));
    const stat = readFileSync(join(this.folder, 'memory.stat'), 'latin1');
    return (usage - Number(INACTIVE_FILE[this.version].exec(stat)?.[1] ?? NaN)) / MIB;
  }

  /** After the last process in it has ended. */
  remove(): void {
    rmdirSync(this.folder);
  }
}

/** Where groups can be made, below the caller's own or beside it. */
function placeOf(mountinfo: string): { version: CgroupVersion; parent: string } | undefined {
  const v2 = / (\/\S+) \S+ (?:\S+ )*- cgroup2 /.exec(mountinfo)?.[1];
  const own = ownPath('');
  if (v2 !== undefined && own !== undefined) {
    // A group of v2 with processes in it can't have others below it that are counted: then beside it.
    const parents = [own, dirname(own)].map((path) => join(v2, path));
    const parent = parents.find((path) => {
      const file = join(path, 'cgroup.subtree_control');
      return existsSync(file) && /\bmemory\b/.test(readFileSync(file, 'latin1'));
    });
    if (parent !== undefined) return { version: 'v2', parent };
  }
  const v1 = / (\/\S+) \S+ (?:\S+ )*- cgroup \S+ \S*\bmemory\b/.exec(mountinfo)?.[1];
  const path = ownPath('memory');
  if (v1 === undefined || path === undefined || !existsSync(join(v1, path))) return undefined;
  return { version: 'v1', parent: join(v1, path) };
}

/** Of this process, in the hierarchy with that controller; '' is v2's. */
function ownPath(controller: string): string | undefined {
  for (const line of readFileSync('/proc/self/cgroup', 'latin1').split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers?.split(',').includes(controller) === true) return path;
  }
  return undefined;
}

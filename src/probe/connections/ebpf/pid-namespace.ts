/**
 * What is not seen because of PID namespaces. PIDs are those of the namespace of `--proc-root`, so that they match the
 * folders below it. The kernel lets a program iterate only the open files of its own namespace's processes.
 */
import type { PidNamespace } from 'ebpf-bridge/ebpf';
import type { Limit } from '../../records/coverage.js';

/** @param procRoot as in the options */
export function pidNamespaceLimits(
  { inode, isKnown, hasOwnFiles }: PidNamespace,
  procRoot: string,
): readonly Limit[] {
  const limits: Limit[] = [];
  if (!isKnown)
    limits.push({
      what: 'processes',
      lost: `no connection has a process: the PID namespace of ${procRoot} is unknown`,
      remedy: 'give the probe CAP_SYS_PTRACE, so that it may look at process 1 there',
    });
  else if (inode !== 0)
    limits.push({
      what: 'processes',
      lost:
        `processes outside of the PID namespace of ${procRoot} (${inode}) are not named, and connections that neither ` +
        'their process nor their network namespace ties to it are only counted: another node’s on this kernel',
      remedy:
        'if this probe is to see all of the machine, run it in the host’s PID namespace (hostPID: true, docker --pid=host)',
    });
  if (!hasOwnFiles)
    limits.push({
      what: 'open_files',
      lost:
        `${procRoot} is of another PID namespace than the probe: connections older than the probe have no process until it ` +
        'reads or closes, and sockets that changed hands and other holders are not found',
      remedy: `run the probe in the PID namespace of ${procRoot} (hostPID: true, docker --pid=host)`,
    });
  return limits;
}

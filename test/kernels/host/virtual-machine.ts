/** A virtual machine of software emulation (qemu; no KVM is needed) that boots a kernel and ends by itself, or at a deadline. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Architecture, Kernel } from './kernels.js';

export interface Boot {
  readonly kernel: Kernel;
  readonly image: string;
  readonly initramfs: string;
  /** Further ones of the kernel's command line. */
  readonly parameters: string;
  readonly deadlineMs: number;
  /** A line of the console by which one knows that all was done. */
  readonly lastLine: string;
  /** Told of each line of the console. */
  readonly onLine: (line: string) => void;
}

/** How the emulated machine looks, and the name of its console. */
const MACHINES: Readonly<Record<Architecture, readonly [console: string, ...qemu: string[]]>> = {
  amd64: ['ttyS0', 'qemu-system-x86_64', '-cpu', 'max'],
  // Without that setting an emulated processor spends its time on signing pointers.
  arm64: ['ttyAMA0', 'qemu-system-aarch64', '-machine', 'virt', '-cpu', 'max,pauth-impdef=on'],
};
const MEMORY_MIB = 2048;
const PROCESSORS = 2;
/** So much of the console is shown of a boot that failed. */
const TAIL_LINES = 24;

/**
 * Boots it and waits for its end.
 * @throws Error with one line that says what was attempted, followed by the end of the console
 */
export async function boot({
  kernel,
  image,
  initramfs,
  parameters,
  deadlineMs,
  lastLine,
  onLine,
}: Boot): Promise<void> {
  const [console, ...qemu] = MACHINES[kernel.architecture];
  const commandLine = `console=${console} loglevel=3 panic=-1 ${parameters}`;
  const machine = ['-accel', 'tcg,thread=multi', '-smp', String(PROCESSORS), '-m', String(MEMORY_MIB)];
  const devices = ['-nodefaults', '-nographic', '-serial', 'stdio', '-no-reboot'];
  const start = ['-kernel', image, '-initrd', initramfs, '-append', commandLine];
  // It ends with us, even if we are killed.
  const command = ['--pdeathsig', 'KILL', ...qemu, ...machine, ...devices, ...start];
  const child = spawn('setpriv', command, {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: deadlineMs,
    killSignal: 'SIGKILL',
  });
  const said: { tail: string[]; isDone: boolean } = { tail: [], isDone: false };
  const read = (line: string): void => {
    const clean = line.replace(/\r/g, '');
    if (clean !== '') said.tail = [...said.tail, clean].slice(-TAIL_LINES);
    said.isDone ||= clean.includes(lastLine);
    onLine(clean);
  };
  const consoles = [child.stdout, child.stderr].map((input) => createInterface({ input }).on('line', read));
  try {
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    if (code === 0 && said.isDone) return;
    const why = child.killed
      ? `it was not done after ${deadlineMs / 1000} s`
      : `it ended before all was done (qemu: ${code ?? signal ?? '?'})`;
    throw new Error(
      `could not run kernel ${kernel.name} to its end: ${why}; its console ended with:\n${said.tail.join('\n')}`,
    );
  } finally {
    for (const each of consoles) each.close();
  }
}

/** Whether eBPF tests can run here. Root on a kernel with BTF must run them; for anyone else the skip says why. */
import { existsSync } from 'node:fs';

export const ebpfSkip: string | false =
  process.getuid?.() !== 0
    ? 'needs root: eBPF programs can only be loaded by root here'
    : !existsSync('/sys/kernel/btf/vmlinux')
      ? 'needs a kernel with BTF (/sys/kernel/btf/vmlinux is missing)'
      : false;

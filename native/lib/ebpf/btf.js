// The kernel's own types (BTF): libbpf adapts BPF programs to the running kernel with them.
import { accessSync, constants, existsSync } from 'node:fs';

export const BTF_PATH = '/sys/kernel/btf/vmlinux';

// Why they can't be read and what to do; undefined if they can.
export function whyNoBtf() {
  try {
    accessSync(BTF_PATH, constants.R_OK);
    return undefined;
  } catch (cause) {
    if (!existsSync('/sys/kernel'))
      return `${BTF_PATH} can't be read, as /sys is not mounted here: mount it (mount -t sysfs sysfs /sys)`;
    return `${BTF_PATH} can't be read (${cause.code}): eBPF tracking needs a kernel built with CONFIG_DEBUG_INFO_BTF=y (5.12 or later)`;
  }
}

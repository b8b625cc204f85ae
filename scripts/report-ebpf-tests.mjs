// A test reporter that prints one line at the end: how many tests of test/ebpf and test/e2e ran on the real kernel.
import { sep } from 'node:path';

const usesEbpf = (file) =>
  file?.includes(`${sep}test${sep}ebpf${sep}`) || file?.includes(`${sep}test${sep}e2e${sep}`);

export default async function* report(events) {
  const counts = { run: 0, skipped: 0, failed: 0 };
  for await (const { type, data } of events) {
    if (
      (type !== 'test:pass' && type !== 'test:fail') ||
      data.details?.type === 'suite' ||
      !usesEbpf(data.file)
    )
      continue;
    if (data.skip !== undefined) counts.skipped++;
    else if (type === 'test:pass') counts.run++;
    else counts.failed++;
  }
  yield `\neBPF tests: ${counts.run} run on the real kernel, ${counts.failed} failed, ${counts.skipped} skipped\n`;
}

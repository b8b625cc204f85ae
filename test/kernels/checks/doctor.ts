/** `doctor` on this kernel: everything that the eBPF source needs is usable, and it misses nothing. */
import assert from 'node:assert/strict';
import { topoprobe } from '../../support/topoprobe.js';
import { EVERY_RUNG, type Check } from './check.js';

interface Diagnosis {
  readonly source: string;
  readonly checks: readonly { readonly name: string; readonly status: string; readonly detail: string }[];
}

export const doctor: readonly Check[] = [
  {
    name: '`doctor --json`: exit code 0, source ebpf, 0 missed',
    rungs: EVERY_RUNG,
    run: async () => {
      const { code, stdout, stderr } = await topoprobe(['doctor', '--json']);
      assert.equal(code, 0, stderr.trim());
      const { source, checks } = JSON.parse(stdout) as Diagnosis;
      const capture = checks.find(({ name }) => name === 'capture')?.detail ?? '';
      assert.equal(source, 'ebpf', capture);
      assert.match(capture, /^100 %: of \d{3,} ends of connections .*, 0 were not seen$/);
    },
  },
  {
    name: '`doctor`: the same in words',
    rungs: EVERY_RUNG,
    run: async () => {
      const { code, stdout, stderr } = await topoprobe(['doctor']);
      assert.equal(code, 0, stderr.trim());
      assert.match(stdout, /^source chosen +ebpf \(/m);
      assert.match(stdout, /^capture +usable +100 %: /m);
    },
  },
];

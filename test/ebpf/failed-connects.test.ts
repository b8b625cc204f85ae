/** Connects that failed, each for its reason by the real kernel, are edges of their own, apart from connections. */
import { test } from 'node:test';
import { assertFailuresSeen } from './failing-scenario.js';
import { ebpfSkip } from './requirements.js';

for (const address of ['127.0.0.1', '::1'] as const) {
  test(`every reason by name and number, over ${address}`, { skip: ebpfSkip }, (t) =>
    assertFailuresSeen(t, address),
  );
}

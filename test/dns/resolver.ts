/** A resolver for one test, and the waiting for what it learns. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestContext } from 'node:test';
import {
  createReverseResolver,
  parseServers,
  type ResolverLimits,
  type ReverseResolver,
} from '../../src/probe/dns/index.js';

export function resolverFor(
  t: TestContext,
  servers: readonly string[],
  limits: Partial<ResolverLimits> = {},
): ReverseResolver {
  const resolver = createReverseResolver({
    servers: parseServers(servers),
    limits: { ratePerSecond: 1000, timeoutMs: 300, ...limits },
    hostName: 'this-host',
  });
  t.after(() => resolver.close());
  return resolver;
}

/** Asks like a probe, report after report, until the names are known. */
export async function eventually(resolver: ReverseResolver, address: string): Promise<readonly string[]> {
  for (;;) {
    const names = resolver.names(address);
    if (names !== undefined) return names;
    await sleep(5);
  }
}

/** Resolves when nothing is queued or under way. */
export async function settled(resolver: ReverseResolver): Promise<void> {
  for (;;) {
    const { queued = 0, in_flight: inFlight = 0 } = resolver.counters();
    if (queued + inFlight === 0) return;
    await sleep(5);
  }
}

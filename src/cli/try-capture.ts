/** Tries the tracker for real: loads it, makes connections for it to see, and compares with the kernel's own counters. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { capturedPercent } from '../probe/completeness.js';
import { EbpfSource } from '../probe/connections/ebpf/ebpf-source.js';
import type { Coverage, Rung } from '../probe/records/coverage.js';
import type { Check } from './check.js';
import { reasonOf } from './errors.js';

export interface Capture {
  readonly capture: Check;
  /** Absent when the tracker could not be loaded. */
  readonly coverage?: Coverage;
}

/** Enough to see that connections are seen. */
const SELF_CONNECTIONS = 50;

/** @param rung the highest that is tried */
export async function tryCapture(procRoot: string, rung: Rung): Promise<Capture> {
  const name = 'capture';
  try {
    const source = await EbpfSource.start({ procRoot, rung });
    try {
      const noConnections = await whyNotConnected();
      const { opened, missed } = (await source.snapshot()).completeness;
      const { coverage } = source;
      const usable = (detail: string): Capture => ({ capture: { name, status: 'usable', detail }, coverage });
      if (noConnections !== undefined) return usable(noConnections);
      if (opened === 0)
        return usable(
          `connections are seen; whether all, can't be told: the kernel's counters can't be read below ${procRoot}`,
        );
      return usable(
        `${capturedPercent({ opened, missed })} %: of ${opened} ends of connections that the kernel counted, ` +
          `${missed} were not seen`,
      );
    } finally {
      await source.close();
    }
  } catch (error) {
    return { capture: { name, status: 'refused', detail: reasonOf(error) } };
  }
}

/** Undefined when connections could be made to try the tracker with; without loopback it works all the same. */
async function whyNotConnected(): Promise<string | undefined> {
  try {
    await connectToSelf();
    return undefined;
  } catch (error) {
    return `attached, but not tried: no connection to 127.0.0.1 could be made (${reasonOf(error)}); try ip link set lo up`;
  }
}

async function connectToSelf(): Promise<void> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const { port } = server.address() as AddressInfo;
    for (let i = 0; i < SELF_CONNECTIONS; i++) {
      const socket = connect(port, '127.0.0.1');
      socket.resume();
      await once(socket, 'close');
    }
  } finally {
    server.close();
    await once(server, 'close');
  }
}

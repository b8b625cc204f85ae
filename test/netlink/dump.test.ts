/** Dumps of the kernel's tables come to their end, or end in a typed error that says why not. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import { openNetlink } from 'ebpf-bridge/netlink';
import {
  dump,
  NetlinkError,
  netlinkRequest,
  NetlinkProtocol,
  readMessages,
  RequestFlag,
  viewOf,
  type NetlinkErrorCode,
} from '../../src/netlink/index.js';
import { createNamespace } from '../support/namespace.js';

const ADDON_FILE = new URL('../../../native/build/ebpf_bridge.node', import.meta.url);
const skip =
  process.getuid?.() === 0 && existsSync(ADDON_FILE)
    ? false
    : 'needs root and the addon: makes network namespaces';
const ATTEMPT = { attempted: 'list addresses', advice: 'look elsewhere' } as const;
const RTM_GETADDR = 22;
const RTM_NEWADDR = 20;
const ADDRESSES = 2_000;
const READ_BYTES = 64 * 1024;
const DUMP = RequestFlag.Request | RequestFlag.Dump;

/** How many addresses a namespace has, asked as the arguments say. */
async function addressesOf(
  netns: string,
  { flags = DUMP, type = RTM_GETADDR, answerBytes = 1 << 24 },
): Promise<number> {
  const socket = await openNetlink({ protocol: NetlinkProtocol.Route, netnsPath: `/run/netns/${netns}` });
  try {
    let addresses = 0;
    const request = netlinkRequest(type, flags, new Uint8Array(8));
    const bounds = { readBytes: READ_BYTES, answerBytes };
    const isWhole = await dump(socket, request, bounds, ATTEMPT, (part) =>
      readMessages(viewOf(part), ATTEMPT, (of) => {
        if (of === RTM_NEWADDR) addresses++;
      }),
    );
    assert.ok(isWhole);
    return addresses;
  } finally {
    await socket.close();
  }
}

/** A namespace whose answer takes several reads. */
function crowdedNamespace(t: TestContext): string {
  const { name } = createNamespace(t);
  const lines = Array.from(
    { length: ADDRESSES },
    (_, i) => `address add 10.${i >> 8}.${i & 255}.1/32 dev lo\n`,
  );
  execFileSync('ip', ['-n', name, '-4', '-batch', '-'], { input: lines.join('') });
  return name;
}

const isA = (code: NetlinkErrorCode) => (error: unknown) =>
  error instanceof NetlinkError && error.code === code;

test('a dump of several parts is read to its end', { skip }, async (t) => {
  const addresses = await addressesOf(crowdedNamespace(t), {});
  assert.ok(addresses >= ADDRESSES, `${addresses} addresses`);
});

test('an answer beyond its bound is given up', { skip }, async (t) => {
  await assert.rejects(addressesOf(crowdedNamespace(t), { answerBytes: READ_BYTES }), isA('NO_END'));
});

test('an answer that stops before its end is an error', { skip }, async (t) => {
  const { name } = createNamespace(t);
  // A link is asked for by its number, which is no dump: one message comes, and no end.
  const socket = await openNetlink({ protocol: NetlinkProtocol.Route, netnsPath: `/run/netns/${name}` });
  t.after(() => socket.close());
  const RTM_GETLINK = 18;
  const loopback = new Uint8Array(16);
  loopback[4] = 1;
  const request = netlinkRequest(RTM_GETLINK, RequestFlag.Request, loopback);
  const bounds = { readBytes: READ_BYTES, answerBytes: READ_BYTES };
  let messages = 0;
  const answer = dump(socket, request, bounds, ATTEMPT, (part) =>
    readMessages(viewOf(part), ATTEMPT, () => messages++),
  );
  await assert.rejects(answer, isA('NO_END'));
  assert.equal(messages, 1);
});

test(
  "what the kernel refuses is an error with its errno, and the dump's caller gets it",
  { skip },
  async (t) => {
    const { name } = createNamespace(t);
    const unknown = addressesOf(name, { type: 0x7ff0, flags: RequestFlag.Request });
    await assert.rejects(unknown, (error) => isA('REFUSED')(error) && (error as NetlinkError).errno === 95);
  },
);

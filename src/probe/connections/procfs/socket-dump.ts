/**
 * The sockets of one network namespace: by netlink where that is permitted, else from the text in /proc. Both give the same
 * lines.
 */
import { readFileSync, statSync } from 'node:fs';
import { AddonUnavailableError, openNetlink, type NetlinkSocket } from 'ebpf-bridge/netlink';
import { dump, NetlinkError, NetlinkProtocol } from '../../../netlink/index.js';
import { errnoOf } from '../../errno.js';
import { diagRequest, LIST_SOCKETS, readSocketDump } from './sock-diag.js';
import { readSocketTable, type ADDRESS_WORDS, type SocketLine } from './socket-table.js';

export interface Sockets {
  /** Calls `onSocket` for every socket in one of the states; returns the number of malformed lines or messages. */
  each(states: number, onSocket: (line: SocketLine) => void): number;
  /** Netlink, or the text in /proc. */
  readonly source: 'diag' | 'text';
}

const READ_BYTES = 1024 * 1024;
/** The most bytes of one namespace's answer: two million sockets. */
const MAX_ANSWER_BYTES = 192 * 1024 * 1024;
/** A busy table may interrupt each dump. The last dump is taken then: text guarantees no more. */
const MAX_TRIES = 2;
const EPERM = 1;
const TABLES = ['tcp', 'tcp6'] as const;

export class SocketReader {
  /** No netlink in this scan: the kernel lacks it, or does not understand the request. */
  #textOnly: boolean;
  /** Other namespaces may not be entered. */
  #mayEnter = true;
  readonly #ownNetns: number;

  constructor(
    private readonly procRoot: string,
    textOnly: boolean,
  ) {
    this.#textOnly = textOnly;
    this.#ownNetns = ownNetns();
  }

  /**
   * @param members processes of the namespace; any one will do
   * @param states bit s is set for TCP state s: `each` may be asked for these
   * @returns undefined if no process lives long enough and may be read
   */
  async read(netns: number, members: readonly number[], states: number): Promise<Sockets | undefined> {
    return (await this.#dump(netns, members, states)) ?? this.#readText(members);
  }

  async #dump(netns: number, members: readonly number[], states: number): Promise<Sockets | undefined> {
    const isOwn = netns === this.#ownNetns;
    for (const pid of this.#textOnly ? [] : members.slice(0, 2)) {
      if (!isOwn && !this.#mayEnter) return undefined;
      try {
        const path = isOwn ? {} : { netnsPath: `${this.procRoot}/${pid}/ns/net` };
        return new DumpedSockets(await dumpTables(path, states));
      } catch (error) {
        if (error instanceof AddonUnavailableError || error instanceof NetlinkError) this.#textOnly = true;
        else if (isPermission(error)) this.#mayEnter &&= isOwn;
        // Else this process has ended: try another of the namespace.
      }
    }
    return undefined;
  }

  #readText(members: readonly number[]): Sockets | undefined {
    for (const pid of members) {
      try {
        const tcp = readFileSync(`${this.procRoot}/${pid}/net/tcp`);
        return new TextSockets(tcp, readIpv6Table(`${this.procRoot}/${pid}/net/tcp6`));
      } catch {
        continue; // this process has ended: any other of the namespace shows the same table
      }
    }
    return undefined;
  }
}

/** Inode of this program's network namespace; 0, which no namespace has, without /proc. */
function ownNetns(): number {
  try {
    return statSync('/proc/self/ns/net').ino;
  } catch {
    return 0;
  }
}

/** Both families' sockets. @throws NetlinkError, or an Error with `errno` */
async function dumpTables(where: { netnsPath?: string }, states: number): Promise<Uint8Array[]> {
  const socket = await openNetlink({ protocol: NetlinkProtocol.SockDiag, ...where });
  try {
    const answers: Uint8Array[] = [];
    for (const table of TABLES) {
      for (let tries = 1; ; tries++) {
        const { parts, isWhole } = await ask(socket, table, states);
        if (!isWhole && tries < MAX_TRIES) continue;
        for (const part of parts) answers.push(part);
        break;
      }
    }
    return answers;
  } finally {
    await socket.close();
  }
}

async function ask(
  socket: NetlinkSocket,
  table: keyof typeof ADDRESS_WORDS,
  states: number,
): Promise<{ parts: Uint8Array[]; isWhole: boolean }> {
  const parts: Uint8Array[] = [];
  const bounds = { readBytes: READ_BYTES, answerBytes: MAX_ANSWER_BYTES };
  const isWhole = await dump(socket, diagRequest(table, states), bounds, LIST_SOCKETS, (part) => {
    parts.push(part);
    return readSocketDump(part, 0, () => undefined);
  });
  return { parts, isWhole };
}

class DumpedSockets implements Sockets {
  readonly source = 'diag';

  constructor(private readonly answers: readonly Uint8Array[]) {}

  each(states: number, onSocket: (line: SocketLine) => void): number {
    return this.answers.reduce(
      (malformed, answer) => malformed + readSocketDump(answer, states, onSocket).malformed,
      0,
    );
  }
}

class TextSockets implements Sockets {
  readonly source = 'text';

  constructor(
    private readonly tcp: Uint8Array,
    private readonly tcp6: Uint8Array,
  ) {}

  each(states: number, onSocket: (line: SocketLine) => void): number {
    return (
      readSocketTable(this.tcp, 'tcp', states, onSocket) +
      readSocketTable(this.tcp6, 'tcp6', states, onSocket)
    );
  }
}

function isPermission(error: unknown): boolean {
  const errno = error instanceof Error && 'errno' in error ? error.errno : 0;
  return errno === EPERM || errno === 13;
}

/** Empty if the kernel has no IPv6. */
function readIpv6Table(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return new Uint8Array(0);
    throw error;
  }
}

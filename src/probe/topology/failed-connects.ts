/**
 * Connects that never were established, or wait for it too long already, grouped by who tried what and why it failed. They are kept apart from
 * connections: a refused connect is not a short successful one.
 */
import type { Arena } from '../records/arena.js';
import { GroupTable, KEY, KEY_WORDS } from './group-table.js';
import { scopeNetns } from '../records/scope.js';
import { Direction, Flag, OFFSET, RECORD_BYTES, TcpState } from '../records/record.js';
import { HALF, HALVES, WORD, WORDS, type RecordView } from '../records/record-view.js';
import { inChunks } from '../records/chunks.js';

// The module's own constants, which alone the engine takes for such: see grouping.ts.
const BYTES = RECORD_BYTES;
const { direction: DIRECTION, flags: FLAGS, state: STATE } = OFFSET;
const { Connected: CONNECTED } = Direction;
const { Established: ESTABLISHED, Unanswered: UNANSWERED } = Flag;
const { Close: CLOSE } = TcpState;

/** Edges of failed connects per report; a port scan makes as many as it likes. What is over goes into `dropped`. */
export const MAX_FAILED_EDGES = 2000;

/** In place of the errno of a connect that has none yet. */
const WAITING = 0xffff;

/**
 * Linux errno → what a reader wants to know. An RST that answers a SYN refuses the connect: it is `reset` only where the
 * peer's own SYN had come before (tcp_reset() in net/ipv4/tcp_input.c), and `aborted` by who may end others' sockets.
 * A process that gives up itself leaves no error. The kinds of unreachable are those of icmp_err_convert and, EACCES
 * and EPROTO, of icmpv6_err_convert.
 */
const REASONS = new Map<number, string>([
  [0, 'cancelled'],
  [WAITING, 'no answer'],
  [13, 'unreachable'], // EACCES: forbidden on the way
  [64, 'unreachable'], // ENONET: the host is isolated
  [71, 'unreachable'], // EPROTO: somebody on the way does not understand a header
  [92, 'unreachable'], // ENOPROTOOPT: no TCP there
  [95, 'unreachable'], // EOPNOTSUPP: the source route failed
  [99, 'no free port'], // EADDRNOTAVAIL: no SYN was sent
  [101, 'unreachable'], // ENETUNREACH
  [103, 'aborted'],
  [104, 'reset'],
  [110, 'timed out'],
  [111, 'refused'],
  [112, 'unreachable'], // EHOSTDOWN: nobody knows the host
  [113, 'unreachable'], // EHOSTUNREACH
]);

/** Kept of each edge, to choose from. */
const MAX_PORTS = 8;

export interface FailedConnect {
  /** Into the table's keys. */
  readonly group: number;
  readonly pid: number;
  readonly reason: string;
  /** The lowest local ports of those that it stands for, in order; at least one. */
  readonly ports: number[];
  count: number;
}

export interface FailedConnects {
  readonly table: GroupTable;
  readonly connects: readonly FailedConnect[];
  /** Failed connects that are in none of `connects`, because of the bound. */
  readonly dropped: number;
}

/** @param arena the result is valid until it begins anew */
export function failedConnects(view: RecordView, arena: Arena): FailedConnects {
  const failures = new Failures(view, arena);
  inChunks(view.count, (from, to) => {
    failures.take(from, to);
  });
  return failures;
}

class Failures implements FailedConnects {
  readonly table: GroupTable;
  readonly connects: FailedConnect[] = [];
  dropped = 0;
  readonly #byGroup: Map<number, FailedConnect>[] = [];

  constructor(
    private readonly view: RecordView,
    arena: Arena,
  ) {
    this.table = new GroupTable(arena);
  }

  /** Those among the records `from` to `to` - 1. */
  take(from: number, to: number): void {
    const { bytes } = this.view;
    for (let i = from; i < to; i++) {
      const at = i * BYTES;
      const flags = bytes[at + FLAGS]!;
      if (bytes[at + DIRECTION] !== CONNECTED || (flags & ESTABLISHED) !== 0) continue;
      if (bytes[at + STATE] === CLOSE || (flags & UNANSWERED) !== 0) this.#add(i, flags);
    }
  }

  #add(i: number, flags: number): void {
    const isWaiting = (flags & UNANSWERED) !== 0;
    const { halves, words } = this.view;
    const port = halves[i * HALVES + HALF.localPort]!;
    const group = this.table.add(
      words,
      i * WORDS + WORD.localAddress,
      i * WORDS + WORD.remoteAddress,
      halves[i * HALVES + HALF.remotePort]!,
      scopeNetns(words, i),
    );
    // A soft error on the way (no route, say) may be noted already: the kernel goes on trying.
    const errno = halves[i * HALVES + HALF.errno]! || (isWaiting ? WAITING : 0);
    const pid = words[i * WORDS + WORD.pid]! >>> 0;
    const attempts = (this.#byGroup[group] ??= new Map<number, FailedConnect>());
    const known = attempts.get(pid * 0x10000 + errno);
    if (known !== undefined) {
      known.count++;
      addPort(known.ports, port);
    } else if (this.connects.length >= MAX_FAILED_EDGES) {
      this.dropped++;
    } else {
      const failed = { group, pid, reason: REASONS.get(errno) ?? `errno ${errno}`, ports: [port], count: 1 };
      attempts.set(pid * 0x10000 + errno, failed);
      this.connects.push(failed);
    }
  }
}

/** Keeps the lowest ones. */
function addPort(ports: number[], port: number): void {
  const at = ports.findIndex((known) => known >= port);
  if (ports[at] === port) return;
  ports.splice(at < 0 ? ports.length : at, 0, port);
  if (ports.length > MAX_PORTS) ports.length = MAX_PORTS;
}

/** Where a group's parts are in the table's keys. */
export function keyOf(group: number): { from: number; to: number; toPort: number; netns: number } {
  const at = group * KEY_WORDS;
  return {
    from: at + KEY.fromAddress,
    to: at + KEY.toAddress,
    toPort: at + KEY.toPort,
    netns: at + KEY.netns,
  };
}

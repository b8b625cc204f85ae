/**
 * Chooses the client ports that represent the rows of one client address. An endpoint is an address and a port, with room
 * for one process, one server and one count: if two rows have the same port, one of them gets it. Every row gets a port of
 * its own if possible; the rest share. A port's owner depends only on the rows with that port, so that few ports change
 * owners from report to report.
 */
import { identityHash } from './identity-hash.js';
import { rank, thinPorts } from './thin-ports.js';

export interface PortUser {
  /** Distinct, at least one. */
  readonly ports: readonly number[];
  /** Ports to keep at most; at least 1. */
  readonly atMost: number;
  /** Unique among the users. */
  readonly identity: string;
  /** Of client and server: the same on every host that sees them. */
  readonly edge: string;
  /** Of the client's process. */
  readonly process: string;
  /** Both ends' sockets were seen: no other probe states these connections, so that any ports will do. */
  readonly isLocal: boolean;
}

/** The most look-ups per port of each user; after that the rest share. */
const STEPS_PER_PORT = 64;
const NOBODY = -1;

/**
 * The ports kept for each user, ascending. A user that shares has one.
 * @param users always in the same order
 * @param isTaken ports that are a server's endpoint too
 */
export function choosePorts(users: readonly PortUser[], isTaken: (port: number) => boolean): number[][] {
  const [only] = users;
  if (only !== undefined && users.length === 1) return [ownPorts(only, isTaken)];
  const choice = new Choice(users, isTaken);
  return choice.kept();
}

function ownPorts({ ports, atMost }: PortUser, isTaken: (port: number) => boolean): number[] {
  const kept = thinPorts(ports, atMost);
  if (!kept.some(isTaken)) return kept;
  const free = ports.filter((port) => !isTaken(port));
  return free.length > 0 ? thinPorts(free, atMost) : [kept[0]!];
}

class Choice {
  readonly #users: readonly PortUser[];
  /** By user, its ports without those of servers. */
  readonly #free: readonly (readonly number[])[];
  readonly #hashes: readonly number[];
  readonly #edgeHashes: readonly number[];
  /** By user, the ports that it would keep alone. */
  readonly #preferred: readonly ReadonlySet<number>[];
  readonly #owner = new Map<number, number>();
  readonly #owned: Set<number>[];
  /** Users that can't get a port, and users that hold the ports they want: no search through them succeeds. */
  readonly #isHopeless: boolean[];
  #stepsLeft = 0;

  constructor(users: readonly PortUser[], isTaken: (port: number) => boolean) {
    this.#users = users;
    this.#free = users.map(({ ports }) => ports.filter((port) => !isTaken(port)));
    this.#hashes = users.map(({ identity }) => identityHash(identity));
    this.#edgeHashes = users.map(({ edge }) => identityHash(edge));
    this.#preferred = users.map(({ atMost }, i) => new Set(thinPorts(this.#free[i]!, atMost)));
    this.#owned = users.map(() => new Set<number>());
    this.#isHopeless = users.map(() => false);
    this.#claim();
    for (const i of users.keys()) if (this.#owned[i]!.size === 0) this.#takeFromOthers(i);
  }

  kept(): number[][] {
    const shared = new Set<number>();
    return this.#users.map((user, i) => {
      const owned = this.#owned[i]!;
      if (owned.size > 0) return thinPorts([...owned], user.atMost);
      const port = this.#portToShare(user, shared);
      shared.add(port);
      return [port];
    });
  }

  /** Gives each port to the user that prefers it, else to the user chosen by a hash of both. */
  #claim(): void {
    for (const [i, ports] of this.#free.entries()) {
      for (const port of ports) {
        this.#stepsLeft += STEPS_PER_PORT;
        const owner = this.#owner.get(port);
        if (owner === undefined || this.#claims(i, owner, port)) this.#owner.set(port, i);
      }
    }
    for (const [port, owner] of this.#owner) this.#owned[owner]!.add(port);
  }

  #claims(user: number, other: number, port: number): boolean {
    const preference = this.#preference(user, port) - this.#preference(other, port);
    if (preference !== 0) return preference > 0;
    // First by what both ends' hosts know, so that they keep the same ports.
    const order = mix(this.#edgeHashes[user]!, port) - mix(this.#edgeHashes[other]!, port);
    return order === 0 ? mix(this.#hashes[user]!, port) > mix(this.#hashes[other]!, port) : order > 0;
  }

  #preference(user: number, port: number): number {
    if (!this.#preferred[user]!.has(port)) return 0;
    return this.#users[user]!.isLocal ? 1 : 2;
  }

  /**
   * Breadth first: a user that has one of our ports gives it away and takes one from another user, until some user has more
   * than one. Users of a search in vain keep their ports, and are not searched again.
   */
  #takeFromOthers(user: number): void {
    /** By user: who reached it, and the port that it would give away. */
    const reached = new Map<number, { readonly by: number; readonly port: number }>();
    const queue = [user];
    for (const one of queue) {
      for (const port of this.#free[one]!) {
        if (this.#stepsLeft-- <= 0) return;
        const owner = this.#owner.get(port)!;
        if (owner === user || reached.has(owner) || this.#isHopeless[owner]!) continue;
        reached.set(owner, { by: one, port });
        if (this.#owned[owner]!.size > 1) {
          this.#passOn(owner, reached);
          return;
        }
        queue.push(owner);
      }
    }
    for (const one of queue) this.#isHopeless[one] = true;
  }

  #passOn(last: number, reached: ReadonlyMap<number, { readonly by: number; readonly port: number }>): void {
    let giver = last;
    for (let step = reached.get(giver); step !== undefined; step = reached.get(giver)) {
      this.#owned[giver]!.delete(step.port);
      this.#owned[step.by]!.add(step.port);
      this.#owner.set(step.port, step.by);
      giver = step.by;
    }
  }

  /** A port that is shared already, else one of the same process, else the one that thinning prefers. */
  #portToShare({ ports, process }: PortUser, shared: ReadonlySet<number>): number {
    const weight = (port: number): number => {
      const owner = this.#owner.get(port) ?? NOBODY;
      const isSame = owner !== NOBODY && this.#users[owner]!.process === process;
      return (isSame ? 2 : 0) + (shared.has(port) ? 1 : 0);
    };
    const isBetter = (port: number, than: number): boolean => {
      const difference = weight(port) - weight(than);
      return difference > 0 || (difference === 0 && rank(port) > rank(than));
    };
    return ports.reduce((best, port) => (isBetter(port, best) ? port : best));
  }
}

function mix(hash: number, port: number): number {
  let mixed = Math.imul(hash ^ Math.imul(port + 1, 0x9e3779b1), 0x85ebca6b);
  mixed ^= mixed >>> 15;
  return Math.imul(mixed, 0xc2b2ae35) >>> 0;
}

/**
 * Tells machines with one name apart. A host's name is no identity: two machines called localhost would be one, with their
 * processes mixed. Reports say which machine they are of (digests of its machine id and its boot); while one name is that
 * of several, each is called `name~digits`, in the id of its host and in all ids that begin with it.
 *
 * Two reports are of one machine when their machine ids are one; where only one tells its id, or they have it from
 * different places, when their boots are one. A boot that is heard again after a later one of the same machine id is that of
 * a copy: cloned machines keep the id of the one that they are copies of.
 */
import { createHash } from 'node:crypto';

export interface MachineFacts {
  readonly machine: string | undefined;
  /** Where the machine id is from: only ids from one place can be compared. */
  readonly source: string | undefined;
  readonly boot: string | undefined;
}

interface Machine {
  readonly ids: Map<string, string>;
  boot: string | undefined;
  /** The one before the last reboot that was noticed. */
  bootBefore: string | undefined;
  /** Part of its name where it needs one. */
  readonly digits: string;
  lastSeenMs: number;
}

interface Name {
  readonly machines: Machine[];
  /** Several machines had it at one time. */
  isShared: boolean;
}

const DIGITS = 8;
/** A machine is remembered so long: a name that was shared stays so meanwhile. */
const REMEMBERED_MS = 60 * 60_000;
const NAMES_MOST = 20_000;
const MACHINES_MOST = 1_000;
/** Longer names, and those with what ends or breaks an id, are not used as they are. */
const NAME_LENGTH_MOST = 253;
const UNUSABLE = /[;<>\s\p{Cc}]/gu;

export class Machines {
  readonly #names = new Map<string, Name>();

  /** @param togetherMs machines that are heard within this time have the name at one time */
  constructor(private readonly togetherMs: number) {}

  /** What the machine is to be called whose report arrived at `nowMs` and calls it `name`. */
  nameOf(name: string, facts: MachineFacts, nowMs: number): string {
    const usable = usableName(name);
    if (facts.machine === undefined && facts.boot === undefined) return usable;
    const known = this.#known(usable);
    this.#forgetBefore(known, nowMs - REMEMBERED_MS);
    const machine = machineIn(known.machines, facts);
    machine.lastSeenMs = nowMs;
    if (known.machines.filter(({ lastSeenMs }) => nowMs - lastSeenMs <= this.togetherMs).length > 1)
      known.isShared = true;
    return known.isShared ? `${usable}~${machine.digits}` : usable;
  }

  #known(name: string): Name {
    const known = this.#names.get(name) ?? { machines: [], isShared: false };
    // The one that was not asked for for longest comes first.
    this.#names.delete(name);
    this.#names.set(name, known);
    if (this.#names.size > NAMES_MOST) this.#names.delete(this.#names.keys().next().value!);
    return known;
  }

  #forgetBefore(known: Name, oldestMs: number): void {
    const { machines } = known;
    const kept = machines.filter(({ lastSeenMs }) => lastSeenMs >= oldestMs).slice(-MACHINES_MOST);
    machines.splice(0, machines.length, ...kept);
    if (kept.length < 2) known.isShared = false;
  }
}

/** A name that can begin a node id; `%` and hexadecimal digits stand for what can't. */
export function usableName(name: string): string {
  const plain = name.replace(UNUSABLE, (character) =>
    Array.from(Buffer.from(character), (byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''),
  );
  return plain.length <= NAME_LENGTH_MOST
    ? plain
    : `${plain.slice(0, NAME_LENGTH_MOST - DIGITS - 1)}~${digest(name)}`;
}

function machineIn(machines: Machine[], { machine, source = '', boot }: MachineFacts): Machine {
  const same = machines.filter(({ ids }) => machine !== undefined && ids.get(source) === machine);
  const [only] = same;
  const found =
    same.find((one) => boot === undefined || one.boot === boot) ??
    machines.find(
      ({ ids, boot: known }) =>
        (machine === undefined || !ids.has(source)) && boot !== undefined && known === boot,
    ) ??
    // Another boot: it was started again, or has a copy.
    (same.length === 1 && only!.bootBefore !== boot ? only : undefined);
  if (found !== undefined) {
    if (machine !== undefined) found.ids.set(source, machine);
    if (boot !== undefined && boot !== found.boot) {
      found.bootBefore = found.boot;
      found.boot = boot;
    }
    return found;
  }
  const added: Machine = {
    ids: new Map(machine === undefined ? [] : [[source, machine]]),
    boot,
    bootBefore: undefined,
    digits: digest(same.length > 0 ? `${machine ?? ''} ${boot ?? ''}` : (machine ?? boot ?? '')),
    lastSeenMs: 0,
  };
  machines.push(added);
  return added;
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, DIGITS);
}

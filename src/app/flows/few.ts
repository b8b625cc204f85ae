/**
 * A set that mostly has one member or none: where there are hundreds of thousands of them, a real `Set` each is most of the
 * memory. Change it by what these return.
 */
/** A `Set` has two members or more. */
export type Few<T extends object> = undefined | T | Set<T>;

const NONE: readonly never[] = [];

export function withMember<T extends object>(few: Few<T>, member: T): Few<T> {
  if (few === undefined || few === member) return member;
  if (few instanceof Set) return few.add(member);
  return new Set([few, member]);
}

export function withoutMember<T extends object>(few: Few<T>, member: T): Few<T> {
  if (few === member) return undefined;
  if (few instanceof Set) {
    few.delete(member);
    if (few.size > 1) return few;
    const [last] = few;
    return last;
  }
  return few;
}

export function members<T extends object>(few: Few<T>): Iterable<T> {
  if (few === undefined) return NONE;
  return few instanceof Set ? few : [few];
}

export function sizeOf<T extends object>(few: Few<T>): number {
  if (few === undefined) return 0;
  return few instanceof Set ? few.size : 1;
}

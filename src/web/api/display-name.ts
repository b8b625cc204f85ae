/** Names as they are shown: a program's path by its last part, and nothing so long that it hides its neighbours. */

const LENGTH_MAX = 34;
/** Of a long name both ends say most. */
const END_LENGTH = 12;

/** `/usr/lib/postgresql/15/bin/postgres` → `postgres`; the full name is for tooltips and details. */
export function displayName(label: string): string {
  const name = /^\/.*\/([^/\s]+)$/.exec(label)?.[1] ?? label;
  if (name.length <= LENGTH_MAX) return name;
  return `${name.slice(0, LENGTH_MAX - END_LENGTH - 1)}…${name.slice(-END_LENGTH)}`;
}

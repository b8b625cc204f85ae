/**
 * Query parameters as view options. Parameters that a view does not know are left to others, as in Scope.
 */
import type { Options } from '../views/options.js';

const VALUE_MAX = 1_000;
const PARAMETERS_MAX = 50;

export function optionsFrom(query: unknown): Options {
  const options = new Map<string, string>();
  for (const [name, value] of Object.entries((query ?? {}) as Record<string, unknown>).slice(
    0,
    PARAMETERS_MAX,
  )) {
    const last: unknown = Array.isArray(value) ? value.at(-1) : value;
    if (typeof last === 'string') options.set(name, last.slice(0, VALUE_MAX));
  }
  return options;
}

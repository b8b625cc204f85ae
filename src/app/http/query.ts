/**
 * Query parameters as view options. Parameters that a view does not know are left to others, as in Scope.
 */
import type { View } from '../views/catalogue.js';
import type { Options } from '../views/options.js';

const VALUE_MAX = 1_000;
const PARAMETERS_MAX = 50;

/** Every parameter; the first one of several wins, as in Scope. */
export function parametersOf(query: unknown): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  for (const [name, value] of Object.entries((query ?? {}) as Record<string, unknown>).slice(
    0,
    PARAMETERS_MAX,
  )) {
    const first: unknown = Array.isArray(value) ? value[0] : value;
    if (typeof first === 'string') parameters.set(name, first.slice(0, VALUE_MAX));
  }
  return parameters;
}

/**
 * The parameters that are options of this view, in the view's order. Without any parameter nothing is hidden; with one,
 * whichever it is, options that are not given have their defaults (Scope's app/api_topologies.go).
 */
export function optionsFor(view: View, query: unknown): Options {
  const parameters = parametersOf(query);
  if (parameters.size === 0) return new Map(view.options.map(({ id, everything }) => [id, everything]));
  const options = new Map<string, string>();
  for (const { id } of view.options) {
    const value = parameters.get(id);
    if (value !== undefined) options.set(id, value);
  }
  return options;
}

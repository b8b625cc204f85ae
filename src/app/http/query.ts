/**
 * Query parameters as view options. Parameters that a view does not know are left to others, as in Scope.
 */
import type { View } from '../views/catalogue.js';
import type { Options } from '../views/options.js';

const VALUE_MAX = 1_000;
const PARAMETERS_MAX = 50;

/** Every parameter; the last one of several wins. */
export function parametersOf(query: unknown): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  for (const [name, value] of Object.entries((query ?? {}) as Record<string, unknown>).slice(
    0,
    PARAMETERS_MAX,
  )) {
    const last: unknown = Array.isArray(value) ? value.at(-1) : value;
    if (typeof last === 'string') parameters.set(name, last.slice(0, VALUE_MAX));
  }
  return parameters;
}

/** The parameters that are options of this view, in the view's order. */
export function optionsFor(view: View, query: unknown): Options {
  const parameters = parametersOf(query);
  const options = new Map<string, string>();
  for (const { id } of view.options) {
    const value = parameters.get(id);
    if (value !== undefined) options.set(id, value);
  }
  return options;
}

/**
 * Differences between two states of a view, made once however many clients go from the one to the other.
 */
import { deltaText } from '../engine/view-json.js';

type Nodes = ReadonlyMap<string, string>;

/** The newest difference from each state that a client still holds; gone with the state itself. */
const fromState = new WeakMap<Nodes, { readonly after: Nodes; readonly text: string | undefined }>();
const whole = new WeakMap<Nodes, string>();

/** Text that brings a client from `before` (undefined: from nothing) to `after`; undefined when nothing differs. */
export function delta(before: Nodes | undefined, after: Nodes): string | undefined {
  if (before === undefined) {
    let text = whole.get(after);
    if (text === undefined) whole.set(after, (text = deltaText(undefined, after) ?? ''));
    return text;
  }
  const known = fromState.get(before);
  if (known?.after === after) return known.text;
  const text = deltaText(before, after);
  fromState.set(before, { after, text });
  return text;
}

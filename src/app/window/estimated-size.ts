/**
 * About how many bytes of memory a fact takes: enough to keep what is stored under a bound, whatever it is made of.
 * The figures are those of V8 on 64 bits, rounded up.
 */
import type { DnsNames, Node } from '../../report/model/model.js';

const NODE_BYTES = 400;
/** An entry of a map, with its value's object. */
const ENTRY_BYTES = 120;
const TEXT_BYTES = 32;
const SAMPLE_BYTES = 80;

export function weighNode(node: Node): number {
  let bytes = NODE_BYTES + weighText(node.id) + weighTexts(node.adjacency);
  // Keys are shared by all nodes that have them, so only values count.
  for (const { value } of node.latest?.values() ?? []) bytes += ENTRY_BYTES + weighText(value);
  for (const texts of node.sets?.values() ?? []) bytes += ENTRY_BYTES + weighTexts(texts);
  for (const texts of node.parents?.values() ?? []) bytes += ENTRY_BYTES + weighTexts(texts);
  for (const { samples } of node.metrics?.values() ?? [])
    bytes += ENTRY_BYTES + SAMPLE_BYTES * samples.length;
  for (const child of node.children ?? []) bytes += weighNode(child);
  return bytes;
}

export function weighNames({ forward, reverse }: DnsNames): number {
  return NODE_BYTES + weighTexts(forward) + weighTexts(reverse);
}

function weighTexts(texts: readonly string[] | undefined): number {
  let bytes = 0;
  for (const text of texts ?? []) bytes += weighText(text);
  return bytes;
}

/** One byte a character, as most texts have; those with two are a minority that the bound's margin covers. */
function weighText(text: string): number {
  return TEXT_BYTES + text.length;
}

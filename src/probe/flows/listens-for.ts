import { isIpv4, isWildcardAddress, sameAddress } from '../records/address.js';

/** Whether a listener at one address, given by its place in the words, takes connections to the other. */
export function listensFor(
  listening: Int32Array,
  listeningAt: number,
  words: Int32Array,
  address: number,
): boolean {
  if (sameAddress(listening, listeningAt, words, address)) return true;
  if (!isWildcardAddress(listening, listeningAt)) return false;
  // `::` also takes IPv4 (unless IPV6_V6ONLY, which no source reports); 0.0.0.0 takes IPv4 only.
  return !isIpv4(listening, listeningAt) || isIpv4(words, address);
}

/** The names of one address in a DNS response. Pure; a response is hostile until shown otherwise. */
import type { Answer, DecodedPacket } from 'dns-packet';

export interface PtrAnswer {
  /** Sorted, without repeats; empty when the address has no name. */
  readonly names: readonly string[];
  /** The answer's time to live; undefined when it has none. */
  readonly ttlSeconds: number | undefined;
}

/** More names than that (shared hosting) do not identify an address. */
const NAMES_MAX = 16;
const CNAMES_MAX = 8;
const NAME_LENGTH_MAX = 253;

/** Undefined when the server could not answer (SERVFAIL, REFUSED …): another one may. */
export function readPtrAnswer(packet: DecodedPacket, question: string): PtrAnswer | undefined {
  // The type lacks it, the decoder sets it.
  const { rcode } = packet as DecodedPacket & { readonly rcode?: string };
  if (rcode === 'NXDOMAIN') return { names: [], ttlSeconds: negativeTtl(packet.authorities ?? []) };
  if (rcode !== 'NOERROR') return undefined;
  const { owner, ttls } = followAliases(packet.answers ?? [], question);
  const names = new Set<string>();
  for (const answer of packet.answers ?? []) {
    if (answer.type !== 'PTR' || !isSameName(answer.name, owner)) continue;
    if (answer.ttl !== undefined) ttls.push(answer.ttl);
    const name = answer.data.replace(/\.$/, '');
    if (isShowable(name) && names.size < NAMES_MAX) names.add(name);
  }
  if (names.size === 0) return { names: [], ttlSeconds: negativeTtl(packet.authorities ?? []) };
  return { names: [...names].sort(), ttlSeconds: ttls.length > 0 ? Math.min(...ttls) : undefined };
}

/** Blocks smaller than /24 are delegated by CNAME (RFC 2317). */
function followAliases(answers: readonly Answer[], question: string): { owner: string; ttls: number[] } {
  const ttls: number[] = [];
  let owner = question;
  for (let i = 0; i < CNAMES_MAX; i++) {
    const alias = answers.find((answer) => answer.type === 'CNAME' && isSameName(answer.name, owner));
    if (alias?.type !== 'CNAME') break;
    owner = alias.data;
    if (alias.ttl !== undefined) ttls.push(alias.ttl);
  }
  return { owner, ttls };
}

/** RFC 2308: how long there is no such name is the lesser of the SOA's TTL and its MINIMUM field. */
function negativeTtl(authorities: readonly Answer[]): number | undefined {
  for (const authority of authorities) {
    if (authority.type !== 'SOA') continue;
    return Math.min(authority.ttl ?? Infinity, authority.data.minimum ?? Infinity);
  }
  return undefined;
}

export function isSameName(a: string, b: string): boolean {
  return a.replace(/\.$/, '').toLowerCase() === b.replace(/\.$/, '').toLowerCase();
}

/** Visible ASCII: what is shown in a page or a log must not be a terminal's or a browser's business. */
function isShowable(name: string): boolean {
  return name.length > 0 && name.length <= NAME_LENGTH_MAX && /^[\w.*-]+$/.test(name);
}

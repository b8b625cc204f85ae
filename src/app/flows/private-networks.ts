/**
 * Addresses that are never the Internet, whoever is in their networks: those that the Internet does not route.
 * Ranges for documentation are left out: nobody talks to them but examples, which mean the Internet by them.
 */
import ipaddr from 'ipaddr.js';
import { NetworkSet } from './networks.js';

const PRIVATE_RANGES = [
  '0.0.0.0/8', // this network
  '10.0.0.0/8', // private (RFC 1918), as 172.16.0.0/12 and 192.168.0.0/16
  '100.64.0.0/10', // shared by a provider's customers (CGNAT)
  '127.0.0.0/8', // loopback
  '169.254.0.0/16', // link-local
  '172.16.0.0/12',
  '192.0.0.0/24', // protocols' own, as DS-Lite
  '192.168.0.0/16',
  '198.18.0.0/15', // benchmarks
  '240.0.0.0/4', // reserved, in use inside of some networks
  '::/127', // unspecified and loopback
  '64:ff9b:1::/48', // translation within a network
  '100::/64', // discarded
  '2001:2::/48', // benchmarks
  'fc00::/7', // unique local (ULA)
  'fe80::/10', // link-local
  'fec0::/10', // site-local
];
/** IPv4 within IPv6: what counts is the address that is translated to. */
const TRANSLATED = '64:ff9b::/96';

const privateSet = setOf(PRIVATE_RANGES);
const translatedSet = setOf([TRANSLATED]);

function setOf(networks: readonly string[]): NetworkSet {
  const set = new NetworkSet();
  for (const network of networks) set.add(network);
  return set;
}

/** The private range an address is in, as CIDR text; undefined when it is none of them, or text that is no address. */
export function privateRange(address: string): string | undefined {
  if (translatedSet.contains(address)) {
    const bytes = ipaddr.parse(address).toByteArray().slice(12);
    return privateSet.find(ipaddr.fromByteArray(bytes).toString());
  }
  return privateSet.find(address);
}

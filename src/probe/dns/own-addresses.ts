/** The addresses of this machine's interfaces, which are named without asking anyone. */
import { networkInterfaces } from 'node:os';

const REREAD_MS = 10_000;

/** @returns a function that tells whether an address is this machine's own, as of at most 10 s ago */
export function ownAddresses(): (address: string) => boolean {
  let addresses = new Set<string>();
  let readAt = -Infinity;
  return (address) => {
    if (performance.now() - readAt > REREAD_MS) {
      readAt = performance.now();
      addresses = new Set(
        Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map((one) => one.address)),
      );
    }
    return addresses.has(address);
  };
}

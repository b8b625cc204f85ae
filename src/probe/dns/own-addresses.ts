/** The addresses of this machine's interfaces, which are named without asking anyone. */
import { ProbeError } from '../errors.js';
import { interfaceAddresses } from '../interfaces.js';

const REREAD_MS = 10_000;

/** @returns whether an address is this machine's own, as of at most 10 s ago; none is where that can't be known */
export function ownAddresses(): (address: string) => boolean {
  let addresses = new Set<string>();
  let readAt = -Infinity;
  return (address) => {
    if (performance.now() - readAt > REREAD_MS) {
      readAt = performance.now();
      addresses = readAddresses();
    }
    return addresses.has(address);
  };
}

/** The reporter of the host's facts logs that there is no list. */
function readAddresses(): Set<string> {
  try {
    return new Set(interfaceAddresses().map(({ address }) => address));
  } catch (error) {
    if (error instanceof ProbeError) return new Set();
    throw error;
  }
}

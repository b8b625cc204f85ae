/** Starts the eBPF source and the tracker on the rung that the tests are run on: TOPOPROBE_RUNG, as for the command line. */
import { loadTracker, type Tracker, type TrackerOptions } from 'ebpf-bridge/ebpf';
import { EbpfSource, type EbpfSourceOptions } from '../../src/probe/connections/ebpf/ebpf-source.js';
import { RUNGS, type Rung } from '../../src/probe/records/coverage.js';
import { WITHOUT } from '../../src/probe/connections/ebpf/rungs.js';

const named = process.env['TOPOPROBE_RUNG'] ?? 'auto';

/** The highest there is unless another is asked for. */
export const rung: Rung = named === 'auto' ? 'files' : (RUNGS.find((each) => each === named) ?? unknown());

function unknown(): never {
  throw new Error(`TOPOPROBE_RUNG must be auto or one of ${RUNGS.join(', ')}, not ${named}`);
}

export const startEbpf = (options: EbpfSourceOptions = {}): Promise<EbpfSource> =>
  EbpfSource.start({ rung, ...options });

export const loadOnRung = (options: TrackerOptions = {}): Promise<Tracker> =>
  loadTracker({ without: WITHOUT[rung], ...options });

/** A test's `skip` where it tests what can't be seen below a rung; false where it runs. */
export const needsRung = (lowest: Rung): string | false =>
  RUNGS.indexOf(rung) <= RUNGS.indexOf(lowest) ? false : `rung ${rung}: needs ${lowest}`;

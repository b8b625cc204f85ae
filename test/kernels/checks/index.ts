/** All checks, in the order in which they are made and shown. */
import type { Check } from './check.js';
import { connections } from './connections.js';
import { doctor } from './doctor.js';
import { reports } from './reports.js';
import { states } from './states.js';
import { traffic } from './traffic.js';

export const CHECKS: readonly Check[] = [...doctor, ...connections, ...states, ...traffic, ...reports];

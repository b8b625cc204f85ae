/** All checks, in the order in which they are made and shown. */
import type { Check } from './check.js';
import { doctor } from './doctor.js';

export const CHECKS: readonly Check[] = [...doctor];

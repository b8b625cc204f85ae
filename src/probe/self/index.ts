/** The probe's own metrics and health, and a log that is not flooded. */
export type { AppSeen, Counting, Observed } from './observed.js';
export { RepeatLimit, DEFAULT_REPEAT_LIMITS, type RepeatLimits } from './repeat-limit.js';
export { startSelfServer, type SelfServer, type SelfServerOptions } from './server.js';
export { Ticks, type TickObserver, type TickOutcome } from './ticks.js';

/** The probe's door. */
export { createProbe, type RunningProbe } from './create-probe.js';
export { createPipeline } from './create-pipeline.js';
export { createObservers, type Observers } from './observers.js';
export type { DnsSettings, ObserveSettings, ProbeSettings } from './settings.js';
export type { SupervisedPart, Surroundings } from './surroundings.js';

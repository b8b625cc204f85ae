/** Public face: flat records → endpoint topology. Pure functions, no I/O. */
export { buildEndpoints, type EndpointInput, type Endpoints, type EndpointStats } from './endpoints.js';
export { exitedProcesses } from './exited-processes.js';
export { LastListeners } from './last-listeners.js';

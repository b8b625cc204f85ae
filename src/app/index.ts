/** The central app: takes probes' reports in and shows the fleet. */
export { createApp, type App } from './app.js';
export { AppError, type AppErrorCode } from './errors.js';
export type { ListenAddress } from './listen.js';
export { DEFAULT_LIMITS, type AppLimits } from './limits.js';
export type { AppOptions, ViewFreshness } from './options.js';
export type { AuthOptions } from './auth/credentials.js';
export { isPublic, type PublicWithoutAuth } from './auth/exposure.js';

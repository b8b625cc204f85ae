/** Why the addon can't be used: it was not compiled, or not for this machine. Stable: users look these up. */
export type AddonUnavailableCode = 'NOT_BUILT' | 'NOT_LOADABLE';

export class AddonUnavailableError extends Error {
  constructor(code: AddonUnavailableCode, reason: string, cause?: unknown);
  readonly code: AddonUnavailableCode;
}

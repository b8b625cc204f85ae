// Why the addon can't be used here, as one typed error.

export class AddonUnavailableError extends Error {
  /**
   * @param {import('./errors.d.ts').AddonUnavailableCode} code
   * @param {string} reason one line: what was attempted and what to do
   * @param {unknown} [cause]
   */
  constructor(code, reason, cause) {
    super(reason, cause === undefined ? undefined : { cause });
    this.name = 'AddonUnavailableError';
    this.code = code;
  }
}

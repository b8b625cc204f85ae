// Why the kernel does not allow eBPF here, as one typed error.

export class EbpfUnavailableError extends Error {
  /**
   * @param {import('./index.d.ts').EbpfUnavailableCode} code
   * @param {string} reason one line: what was attempted and what to do
   * @param {unknown} [cause]
   */
  constructor(code, reason, cause) {
    super(reason, cause === undefined ? undefined : { cause });
    this.name = 'EbpfUnavailableError';
    this.code = code;
  }
}

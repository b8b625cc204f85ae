/** What can go wrong with setting up publishing, each with a stable code. Failed deliveries are not errors: they are retried. */

const ADVICE = {
  NO_TARGET: 'name at least one app, such as http://app.example:4040',
  TLS_FILE_UNREADABLE: 'name a readable PEM file',
  TLS_FILE_MALFORMED:
    'give certificates and keys in PEM form, the key without a passphrase and matching the certificate',
  PROXY_UNUSABLE:
    'set HTTP_PROXY, HTTPS_PROXY or ALL_PROXY to an http or https URL, or name the app in NO_PROXY',
  CREDENTIALS_UNREADABLE: 'name a readable file that holds the token, or user:password',
} as const;
export type PublishErrorCode = keyof typeof ADVICE;

export class PublishError extends Error {
  readonly code: PublishErrorCode;

  /** `attempted` reads like "cannot read CA file /etc/ca.pem: permission denied". */
  constructor(code: PublishErrorCode, attempted: string, options: { cause?: unknown } = {}) {
    super(`${attempted}; ${ADVICE[code]}`, options);
    this.name = 'PublishError';
    this.code = code;
  }
}

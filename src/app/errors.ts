/**
 * Every fault of the app that a caller can meet: code, HTTP status where it has one, what was attempted, what to do.
 */

const APP_FAULTS = {
  UNKNOWN_CONTENT_TYPE: { status: 400, advice: 'send application/msgpack or application/json' },
  UNKNOWN_CONTENT_ENCODING: {
    status: 400,
    advice: 'send the body plain or with Content-Encoding: gzip or zstd',
  },
  BODY_TOO_LARGE: { status: 413, advice: 'report less at once, or raise the limit on compressed bytes' },
  INFLATED_TOO_LARGE: {
    status: 413,
    advice: 'report less at once, or raise the limit on decompressed bytes',
  },
  UNDECODABLE: { status: 400, advice: 'send a complete report in the encoding the headers name' },
  WRONG_SHAPE: { status: 400, advice: "send a report in Scope's format" },
  BROKEN_STATEMENT: { status: 400, advice: 'send the whole state, with base 0' },
  BAD_STATEMENT: { status: 400, advice: 'send what `topoprobe probe` of this version sends' },
  REPORT_TOO_LARGE: { status: 413, advice: 'report less at once' },
  BODY_CUT_SHORT: { status: 400, advice: 'send the whole body' },
  BODY_STALLED: { status: 408, advice: 'send the whole body at once' },
  WINDOW_FULL: { status: 503, advice: 'retry later; the window holds as many nodes as it may' },
  TOO_OFTEN: { status: 429, advice: 'report less often, or raise the limit on reports of one probe' },
  TOO_MANY_CLIENTS: { status: 503, advice: 'retry later, or raise the limit on WebSockets' },
  ENGINE_BUSY: { status: 503, advice: 'retry later' },
  NO_SUCH_VIEW: { status: 404, advice: 'GET /api/topology lists the views' },
  NO_SUCH_NODE: { status: 404, advice: 'GET the view for the nodes it has now' },
  NO_SUCH_PAGE: { status: 404, advice: 'GET /api lists what is here' },
  BAD_QUERY: { status: 400, advice: 'see /api/topology for the options of each view' },
  NO_HISTORY: { status: 400, advice: 'ask without timestamp: this app keeps no history' },
  UNAUTHORISED: { status: 401, advice: 'send a valid token or password' },
  FORBIDDEN: { status: 403, advice: 'use credentials that allow this' },
  FOREIGN_HOST: {
    status: 403,
    advice: 'start it with --allowed-host and that name, or with tokens or users, or ask by address',
  },
  FOREIGN_ORIGIN: {
    status: 403,
    advice:
      'where that is one app behind a reverse proxy, start it with --allowed-origin and the first of the two, or have the proxy send what browsers ask for as Host or X-Forwarded-Host',
  },
  LISTEN_IN_USE: { status: 0, advice: 'stop the other program, or choose another port with --listen' },
  LISTEN_DENIED: {
    status: 0,
    advice: 'choose a port above 1023 with --listen, or give the program CAP_NET_BIND_SERVICE',
  },
  LISTEN_NO_ADDRESS: { status: 0, advice: 'choose an address this machine has with --listen' },
  LISTEN_FAILED: { status: 0, advice: 'choose another address with --listen' },
  PUBLIC_WITHOUT_AUTH: {
    status: 0,
    advice: 'configure tokens or users, listen on 127.0.0.1, or insist with --public-without-auth',
  },
  BAD_TLS: { status: 0, advice: 'give a PEM certificate, its own key, and PEM authorities' },
} as const;
export type AppErrorCode = keyof typeof APP_FAULTS;

export class AppError extends Error {
  readonly code: AppErrorCode;
  /** HTTP status; 0 for faults outside a request. */
  readonly statusCode: number;
  /** Seconds after which asking again makes sense. */
  readonly retryAfterSeconds: number | undefined;

  /** `attempted` reads like "cannot listen on 127.0.0.1:4040: address in use". */
  constructor(
    code: AppErrorCode,
    attempted: string,
    options: { cause?: unknown; retryAfterSeconds?: number } = {},
  ) {
    super(`${attempted}; ${APP_FAULTS[code].advice}`, { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.statusCode = APP_FAULTS[code].status;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }

  /** A fault told by the engine's thread, worded already. */
  static received(fault: {
    code: AppErrorCode;
    message: string;
    retryAfterSeconds: number | undefined;
  }): AppError {
    const { retryAfterSeconds } = fault;
    const error = new AppError(fault.code, '', retryAfterSeconds === undefined ? {} : { retryAfterSeconds });
    error.message = fault.message;
    return error;
  }
}

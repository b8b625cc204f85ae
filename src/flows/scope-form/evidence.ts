/** Evidence by its name, weakest first: what several rows say of one endpoint is told by the strongest or the weakest. */

/** How a process is known. */
export const PID_EVIDENCE = ['none', 'listener', 'table-scan', 'connect', 'close', 'use'] as const;

/** How it is known which end is the client. */
export const DIRECTION_EVIDENCE = ['none', 'port-guess', 'listener-table', 'conntrack', 'handshake'] as const;

/** The better of two; a name that is not in `order` is the weakest. */
export function stronger(order: readonly string[], a: string, b: string): string {
  return order.indexOf(a) >= order.indexOf(b) ? a : b;
}

export function weaker(order: readonly string[], a: string, b: string): string {
  return order.indexOf(a) <= order.indexOf(b) ? a : b;
}

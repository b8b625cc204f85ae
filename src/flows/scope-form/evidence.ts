/** Evidence by name, weakest first. An endpoint of several rows has the strongest or the weakest of them. */

/** How a process is known. */
export const PID_EVIDENCE = ['none', 'listener', 'table-scan', 'connect', 'close', 'use'] as const;

/** How the client's end is known. */
export const DIRECTION_EVIDENCE = ['none', 'port-guess', 'listener-table', 'conntrack', 'handshake'] as const;

/** The stronger of two; an unknown name is the weakest. */
export function stronger(order: readonly string[], a: string, b: string): string {
  return order.indexOf(a) >= order.indexOf(b) ? a : b;
}

export function weaker(order: readonly string[], a: string, b: string): string {
  return order.indexOf(a) <= order.indexOf(b) ? a : b;
}

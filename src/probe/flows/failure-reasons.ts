/** Why a connect failed: the socket's errno, for readers. */

/** The errno of a connect without a result yet. */
export const WAITING = 0xffff;

/**
 * Linux errno → what a reader wants to know. An RST that answers a SYN refuses the connect: it is `reset` only where the
 * peer's own SYN had come before (tcp_reset() in net/ipv4/tcp_input.c), and `aborted` by who may end others' sockets.
 * A process that gives up itself leaves no error. The kinds of unreachable are those of icmp_err_convert and, EACCES
 * and EPROTO, of icmpv6_err_convert.
 */
const REASONS = new Map<number, string>([
  [0, 'cancelled'],
  [WAITING, 'no answer'],
  [13, 'unreachable'], // EACCES: forbidden on the way
  [64, 'unreachable'], // ENONET: the host is isolated
  [71, 'unreachable'], // EPROTO: somebody on the way does not understand a header
  [92, 'unreachable'], // ENOPROTOOPT: no TCP there
  [95, 'unreachable'], // EOPNOTSUPP: the source route failed
  [99, 'no free port'], // EADDRNOTAVAIL: no SYN was sent
  [101, 'unreachable'], // ENETUNREACH
  [103, 'aborted'],
  [104, 'reset'],
  [110, 'timed out'],
  [111, 'refused'],
  [112, 'unreachable'], // EHOSTDOWN: nobody knows the host
  [113, 'unreachable'], // EHOSTUNREACH
]);

export function reasonOf(errno: number): string {
  return REASONS.get(errno) ?? `errno ${errno}`;
}

/**
 * The activity of a flow between two instants, from its statements at both. One rule for any two instants:
 *
 *   connections = live(then) + opened and adopted(now) − opened and adopted(then): all that existed at any time between
 *   opened, closed, failed, bytes, retransmits = now − then
 *   live, round-trip time, connects that wait for an answer = now
 *
 * A flow without an earlier statement has zeros then. A connection that moved to another flow leaves nothing here, so that
 * no result is below the live connections.
 */
import { NO_FAILURES, Num, NUMBERS } from './flow.js';

export interface FlowActivity {
  readonly connections: number;
  readonly opened: number;
  readonly closed: number;
  readonly live: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly retransmits: number;
  readonly connectMicrosSum: number;
  readonly connectCount: number;
  readonly rttMicrosSum: number;
  readonly rttCount: number;
}

/** `FlowNumbers`, in any list. */
type Numbers = ArrayLike<number>;

const ZEROS: Numbers = new Float64Array(NUMBERS);

/** @param then undefined: the flow was not stated before */
export function activityBetween(then: Numbers | undefined, now: Numbers): FlowActivity {
  const from = then ?? ZEROS;
  const since = (place: number): number => Math.max(0, now[place]! - from[place]!);
  const begun = now[Num.Opened]! + now[Num.Adopted]! - from[Num.Opened]! - from[Num.Adopted]!;
  return {
    connections: Math.max(now[Num.Live]!, from[Num.Live]! + begun),
    opened: since(Num.Opened),
    closed: since(Num.Closed),
    live: now[Num.Live]!,
    bytesSent: since(Num.BytesSent),
    bytesReceived: since(Num.BytesReceived),
    retransmits: since(Num.Retransmits),
    connectMicrosSum: since(Num.ConnectMicrosSum),
    connectCount: since(Num.ConnectCount),
    rttMicrosSum: now[Num.RttMicrosSum]!,
    rttCount: now[Num.RttCount]!,
  };
}

/** No connections at all. */
export const NO_ACTIVITY: FlowActivity = activityBetween(undefined, ZEROS);

/** Mean round-trip and connect times in whole microseconds, if any was measured. */
export function meansOf({
  rttMicrosSum,
  rttCount,
  connectMicrosSum,
  connectCount,
}: Pick<FlowActivity, 'rttMicrosSum' | 'rttCount' | 'connectMicrosSum' | 'connectCount'>): {
  rttMicros?: number;
  connectMicros?: number;
} {
  return {
    ...(rttCount === 0 ? {} : { rttMicros: Math.round(rttMicrosSum / rttCount) }),
    ...(connectCount === 0 ? {} : { connectMicros: Math.round(connectMicrosSum / connectCount) }),
  };
}

/** The reason of connects that wait for an answer: a gauge. A failed connect has another reason. */
export const NO_ANSWER = 'no answer';

/** Failed connects by reason between two instants; reasons without any are left out. */
export function failuresBetween(
  then: ReadonlyMap<string, number> | undefined,
  now: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  if (now.size === 0) return NO_FAILURES;
  const failures = new Map<string, number>();
  for (const [reason, count] of now) {
    const since = reason === NO_ANSWER ? count : count - (then?.get(reason) ?? 0);
    if (since > 0) failures.set(reason, since);
  }
  return failures;
}

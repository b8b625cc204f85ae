/**
 * Reads flows out of the text of /proc/net/nf_conntrack. A line of a TCP flow is
 * `ipv4 2 tcp 6 432000 ESTABLISHED src= dst= sport= dport= [UNREPLIED] src= dst= sport= dport= [ASSURED] mark= zone= use=`
 * with `packets=` and `bytes=` after each tuple where they are counted, and `delta-time=` where times are.
 */
import {
  ADDRESS_BYTES,
  emptyFlow,
  FlowEnd,
  FlowStatus,
  FlowTcpState,
  natBitsOf,
  resetFlow,
  type ConntrackFlow,
} from './flow.js';
import { writeAddress } from './address.js';

const NEWLINE = 0x0a;
/** No line of the kernel's is as long; a longer one is not read, so that no input is costly. */
const MAX_LINE_BYTES = 2048;
const DECIMAL = /^\d{1,15}$/;

const TCP_STATES = new Map<string, number>([
  ['NONE', FlowTcpState.None],
  ['SYN_SENT', FlowTcpState.SynSent],
  ['SYN_RECV', FlowTcpState.SynRecv],
  ['ESTABLISHED', FlowTcpState.Established],
  ['FIN_WAIT', FlowTcpState.FinWait],
  ['CLOSE_WAIT', FlowTcpState.CloseWait],
  ['LAST_ACK', FlowTcpState.LastAck],
  ['TIME_WAIT', FlowTcpState.TimeWait],
  ['CLOSE', FlowTcpState.Close],
  ['SYN_SENT2', FlowTcpState.SynSent2],
]);

const MARKS = new Map<string, number>([
  ['[ASSURED]', FlowStatus.Assured],
  ['[OFFLOAD]', FlowStatus.Offload],
  ['[HW_OFFLOAD]', FlowStatus.HardwareOffload],
]);

export interface TextCounts {
  /** Lines about TCP flows that were handed on. */
  flows: number;
  /** Lines of other protocols, passed over. */
  otherProtocols: number;
  /** Lines that are not of the known form, passed over. */
  malformed: number;
}

/** Calls `onFlow` for each TCP flow in the text. The flow is reused for the next one. Never throws. */
export function readConntrackText(bytes: Uint8Array, onFlow: (flow: ConntrackFlow) => void): TextCounts {
  const counts: TextCounts = { flows: 0, otherProtocols: 0, malformed: 0 };
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const flow = emptyFlow();
  let start = 0;
  while (start < text.length) {
    const newline = text.indexOf(NEWLINE, start);
    const end = newline < 0 ? text.length : newline;
    if (end - start > MAX_LINE_BYTES) {
      counts.malformed++;
    } else {
      const fields = text.toString('latin1', start, end).split(' ').filter(Boolean);
      if (fields[2] !== 'tcp' && /^ipv[46]$/.test(fields[0] ?? '') && DECIMAL.test(fields[3] ?? '')) {
        counts.otherProtocols++;
      } else if (readLine(fields, flow)) {
        counts.flows++;
        onFlow(flow);
      } else {
        counts.malformed++;
      }
    }
    start = end + 1;
  }
  return counts;
}

/** False when the line is not of the known form. */
function readLine(fields: readonly string[], flow: ConntrackFlow): boolean {
  const [family, , protocol] = fields;
  if ((family !== 'ipv4' && family !== 'ipv6') || protocol !== 'tcp') return false;
  resetFlow(flow);
  flow.status = FlowStatus.Confirmed | FlowStatus.SeenReply;
  let ends = 0;
  let ports = 0;
  for (const field of fields.slice(4)) {
    const equals = field.indexOf('=');
    if (equals < 0) {
      readWord(field, flow);
      continue;
    }
    const key = field.slice(0, equals);
    const value = field.slice(equals + 1);
    if (key === 'src' || key === 'dst') {
      const wanted = key === 'src' ? 0 : 1;
      if (ends > FlowEnd.ReplyDestination || ends % 2 !== wanted) return false;
      if (!writeAddress(value, family === 'ipv6', flow.addresses, ends * ADDRESS_BYTES)) return false;
      ends++;
    } else if (key === 'sport' || key === 'dport') {
      const wanted = key === 'sport' ? 0 : 1;
      if (ports > FlowEnd.ReplyDestination || ports % 2 !== wanted) return false;
      if (!DECIMAL.test(value) || Number(value) > 0xffff) return false;
      flow.ports[ports++] = Number(value);
    } else if (DECIMAL.test(value)) {
      readNumber(key, Number(value), ends > FlowEnd.ReplySource, flow);
    }
  }
  if (ends !== 4 || ports !== 4) return false;
  flow.status |= natBitsOf(flow);
  return true;
}

function readWord(word: string, flow: ConntrackFlow): void {
  if (word === '[UNREPLIED]') flow.status &= ~FlowStatus.SeenReply;
  else if (DECIMAL.test(word)) flow.timeoutSeconds = Number(word);
  else if (MARKS.has(word)) flow.status |= MARKS.get(word)!;
  else flow.tcpState = TCP_STATES.get(word) ?? flow.tcpState;
}

function readNumber(key: string, value: number, isReply: boolean, flow: ConntrackFlow): void {
  if (key === 'packets') {
    if (isReply) flow.replyPackets = value;
    else flow.originalPackets = value;
  } else if (key === 'bytes') {
    if (isReply) flow.replyBytes = value;
    else flow.originalBytes = value;
  } else if (key === 'mark') flow.mark = value;
  else if (key === 'zone') flow.originalZone = flow.replyZone = value;
  else if (key === 'zone-orig') flow.originalZone = value;
  else if (key === 'zone-reply') flow.replyZone = value;
}

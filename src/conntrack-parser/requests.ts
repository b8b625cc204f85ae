/** What is sent to and asked of a NETLINK_NETFILTER socket: the dump request, the event groups, a filter over events. */
import { netlinkRequest, RequestFlag } from '../netlink/index.js';
import { FlowStatus, FlowTcpState } from './flow.js';

/** Multicast groups of flow events. */
export const EventGroup = { New: 1, Update: 2, Destroy: 3 } as const;

/** struct nfgenmsg. */
const NETFILTER_HEADER = 4;
/** Where a message's attributes begin. */
const ATTRIBUTES_AT = 20;
const CTNETLINK_GET = (1 << 8) | 1;
const CTNETLINK_GET_STATISTICS = (1 << 8) | 5;

/** Asks for every flow of both families; the answer ends with a message that `readConntrackMessages` reports as `done`. */
export function dumpRequest(): Uint8Array {
  return netlinkRequest(
    CTNETLINK_GET,
    RequestFlag.Request | RequestFlag.Dump,
    new Uint8Array(NETFILTER_HEADER),
  );
}

/**
 * Asks how many flows the namespace has; `readFlowCount` reads the answer. A dump walks the table of all namespaces
 * together, however few of its flows it is to show: this does not.
 */
export function countRequest(): Uint8Array {
  return netlinkRequest(CTNETLINK_GET_STATISTICS, RequestFlag.Request, new Uint8Array(NETFILTER_HEADER));
}

/** Classic BPF: operation codes and the kernel's extensions for netlink attributes. */
const LOAD_WORD = 0x20;
const LOAD_HALF = 0x28;
const LOAD_BYTE_INDIRECT = 0x50;
const LOAD_WORD_INDIRECT = 0x40;
const LOAD_IMMEDIATE = 0x00;
const LOAD_X_IMMEDIATE = 0x01;
const MOVE_TO_X = 0x07;
const JUMP_EQUAL = 0x15;
const JUMP_ANY_BIT = 0x45;
const RETURN = 0x06;
/** Offset of the attribute of type X that comes at or after offset A; 0 when there is none. */
const ATTRIBUTE = -4096 + 12;
/** The same inside the attribute at offset A. */
const NESTED_ATTRIBUTE = -4096 + 16;
const TAKE_ALL = 0xffffffff;

/** Message type in the header, as classic BPF loads it: in network order. */
const DELETE_TYPE_SWAPPED = 0x0201;
const CTA_STATUS = 3;
const CTA_PROTOINFO = 4;
const CTA_PROTOINFO_TCP = 1;
const CTA_PROTOINFO_TCP_STATE = 1;
const ATTRIBUTE_HEADER = 4;

/** Lets events of translated flows pass only. */
export function natEventFilter(): Uint8Array {
  return program([
    [LOAD_IMMEDIATE, 0, 0, ATTRIBUTES_AT],
    [LOAD_X_IMMEDIATE, 0, 0, CTA_STATUS],
    [LOAD_WORD, 0, 0, ATTRIBUTE],
    [JUMP_EQUAL, 4, 0, 0],
    [MOVE_TO_X, 0, 0, 0],
    [LOAD_WORD_INDIRECT, 0, 0, ATTRIBUTE_HEADER],
    [JUMP_ANY_BIT, 0, 1, FlowStatus.SourceNat | FlowStatus.DestinationNat],
    [RETURN, 0, 0, TAKE_ALL],
    [RETURN, 0, 0, 0],
  ]);
}

/** Lets pass: the end of any flow, and of a TCP flow's changes the one that says it is established. */
export function establishedEventFilter(): Uint8Array {
  return program([
    [LOAD_HALF, 0, 0, 4],
    [JUMP_EQUAL, 13, 0, DELETE_TYPE_SWAPPED],
    [LOAD_IMMEDIATE, 0, 0, ATTRIBUTES_AT],
    [LOAD_X_IMMEDIATE, 0, 0, CTA_PROTOINFO],
    [LOAD_WORD, 0, 0, ATTRIBUTE],
    [JUMP_EQUAL, 10, 0, 0],
    [LOAD_X_IMMEDIATE, 0, 0, CTA_PROTOINFO_TCP],
    [LOAD_WORD, 0, 0, NESTED_ATTRIBUTE],
    [JUMP_EQUAL, 7, 0, 0],
    [LOAD_X_IMMEDIATE, 0, 0, CTA_PROTOINFO_TCP_STATE],
    [LOAD_WORD, 0, 0, NESTED_ATTRIBUTE],
    [JUMP_EQUAL, 4, 0, 0],
    [MOVE_TO_X, 0, 0, 0],
    [LOAD_BYTE_INDIRECT, 0, 0, ATTRIBUTE_HEADER],
    [JUMP_EQUAL, 0, 1, FlowTcpState.Established],
    [RETURN, 0, 0, TAKE_ALL],
    [RETURN, 0, 0, 0],
  ]);
}

type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, operand: number];

function program(instructions: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(instructions.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [i, [code, ifTrue, ifFalse, operand]] of instructions.entries()) {
    view.setUint16(i * 8, code, true);
    view.setUint8(i * 8 + 2, ifTrue);
    view.setUint8(i * 8 + 3, ifFalse);
    view.setUint32(i * 8 + 4, operand >>> 0, true);
  }
  return bytes;
}

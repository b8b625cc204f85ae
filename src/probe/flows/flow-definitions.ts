/** Definitions of flows: addresses as text, processes with their names, evidence. */
import type { FlowDefinition, FlowEnd, FlowProcess } from '../../flows/flow.js';
import { FACT } from '../../report/keys.js';
import { hostScope, loopbackScope } from '../../report/model/node-ids.js';
import { addressText, isLinkLocalAddress } from '../records/address.js';
import { DIRECTION_EVIDENCE_TEXTS, PID_EVIDENCE_TEXTS, PidEvidence } from '../records/layout.js';
import type { FlowBook } from './flow-book.js';
import { KEY, KEY_WORDS } from './flow-keys.js';
import { NO_PROCESS, type ProcessBook } from './process-book.js';
import type { ProcessNames } from './process-names.js';

const CLIENT_HERE = 1;
const SERVER_HERE = 2;

/** Rare facts of a flow's ends, by the keys of `FlowEnd.facts`. */
export interface EndFacts {
  readonly client?: ReadonlyMap<string, string> | undefined;
  readonly server?: ReadonlyMap<string, string> | undefined;
}

const NO_FACTS: EndFacts = {};

export class FlowDefinitions {
  /** By slot, with the id that it was made for. */
  readonly #made: (
    { readonly id: number; readonly seq: number; readonly definition: FlowDefinition } | undefined
  )[] = [];
  readonly #facts = new Map<
    number,
    { readonly id: number; readonly text: string; readonly facts: EndFacts }
  >();

  constructor(
    private readonly book: FlowBook,
    private readonly processes: ProcessBook,
    private readonly names: ProcessNames,
    private readonly dialledText: (number: number) => string,
    private readonly hostName: string,
  ) {}

  of(slot: number): FlowDefinition {
    const id = this.book.ids[slot]!;
    const made = this.#made[slot];
    if (made?.id === id && !this.book.isDefinitionNewer(slot, made.seq)) return made.definition;
    const definition = this.#make(slot);
    this.#made[slot] = { id, seq: this.book.seq, definition };
    return definition;
  }

  /** Sets the current rare facts of a flow's ends. */
  setFacts(slot: number, facts: EndFacts): void {
    const id = this.book.ids[slot]!;
    const known = this.#facts.get(slot);
    const text = textOf(facts);
    const before = known?.id === id ? known.text : NONE;
    if (text === before) return;
    if (text === NONE) this.#facts.delete(slot);
    else this.#facts.set(slot, { id, text, facts });
    this.#made[slot] = undefined;
    this.book.markDefinition(slot);
  }

  /** Whether the flow has such facts. */
  hasFacts(slot: number): boolean {
    return this.#facts.has(slot);
  }

  #make(slot: number): FlowDefinition {
    const { book, dialledText } = this;
    const key = book.keys.words;
    const at = slot * KEY_WORDS;
    const via = dialledText(key[at + KEY.via]!);
    const here = book.here[slot]!;
    const known = this.#facts.get(slot);
    const facts = known !== undefined && known.id === book.ids[slot] ? known.facts : NO_FACTS;
    const isOverflow = book.isOverflow(slot);
    const address = (place: number): string => (isOverflow ? '' : addressText(key, at + place));
    const client: FlowEnd = {
      address: address(KEY.client),
      process: this.#processOf(key[at + KEY.clientProcess]!),
      evidence: evidenceOf(book.clientEvidence[slot]!),
      isHere: (here & CLIENT_HERE) !== 0,
      netns: book.clientNetns[slot]! >>> 0,
      facts: this.#clientFacts(slot, facts.client),
    };
    return {
      kind: 'ends',
      scope: isOverflow ? this.hostName : this.#scopeOf(key, at),
      client,
      server: {
        address: address(KEY.server),
        port: key[at + KEY.port]!,
        process: this.#processOf(key[at + KEY.serverProcess]!),
        evidence: evidenceOf(book.serverEvidence[slot]!),
        isHere: (here & SERVER_HERE) !== 0,
        netns: book.serverNetns[slot]! >>> 0,
        facts: facts.server,
      },
      via,
      clientVia: '',
      direction: DIRECTION_EVIDENCE_TEXTS[book.direction[slot]!] ?? '',
      nat: via === '' ? '' : 'conntrack',
    };
  }

  #clientFacts(slot: number, facts: EndFacts['client']): EndFacts['client'] {
    const subflows = this.book.subflows[slot]!;
    return subflows === 0 ? facts : new Map(facts).set(FACT.mptcpSubflows, String(subflows));
  }

  #scopeOf(key: Int32Array, at: number): string {
    const space = key[at + KEY.space]!;
    if (space !== 0) return loopbackScope(this.hostName, space >>> 0);
    return isLinkLocalAddress(key, at + KEY.client) || isLinkLocalAddress(key, at + KEY.server)
      ? hostScope(this.hostName)
      : '';
  }

  #processOf(number: number): FlowProcess | undefined {
    if (number === NO_PROCESS) return undefined;
    const { pid, startTicks } = this.processes.process(number);
    return { pid, startTicks, name: this.names.nameOf(number) };
  }
}

const NONE = '';

function textOf({ client, server }: EndFacts): string {
  const isEmpty = (client?.size ?? 0) + (server?.size ?? 0) === 0;
  return isEmpty ? NONE : JSON.stringify([[...(client ?? [])], [...(server ?? [])]]);
}

function evidenceOf(evidence: number): string | undefined {
  return evidence === PidEvidence.None ? undefined : PID_EVIDENCE_TEXTS[evidence];
}

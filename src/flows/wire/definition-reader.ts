/** Definitions of flows from columns. */
import type { Mutable } from '../../report/model/mutable.js';
import type { FlowDefinition, FlowEnd } from '../flow.js';
import type { Budget } from './budget.js';
import type { ColumnReader, ColumnsReader } from './column-reader.js';
import { CLIENT_IS_HERE, KIND_FORWARDED, SERVER_IS_HERE } from './definition-writer.js';
import type { DictionaryReader } from './dictionary-reader.js';
import { StatementError } from './errors.js';
import { Field } from './fields.js';

const KIND_BITS = KIND_FORWARDED | CLIENT_IS_HERE | SERVER_IS_HERE;
const PORT_MAX = 0xffff;
/** Addresses, scopes, evidence: longer texts are invalid. */
const NAME_LENGTH_MAX = 512;

interface EndColumns {
  readonly processes: ColumnReader;
  readonly evidences: ColumnReader;
  readonly netns: ColumnReader;
  readonly factCounts: ColumnReader;
}

export class DefinitionReader {
  readonly #dictionary: DictionaryReader;
  readonly #budget: Budget;
  readonly #clientAddresses: ColumnReader;
  readonly #serverAddresses: ColumnReader;
  readonly #serverPorts: ColumnReader;
  readonly #kinds: ColumnReader;
  readonly #scopes: ColumnReader;
  readonly #vias: ColumnReader;
  readonly #clientVias: ColumnReader;
  readonly #directions: ColumnReader;
  readonly #nats: ColumnReader;
  readonly #client: EndColumns;
  readonly #server: EndColumns;
  readonly #factKeys: ColumnReader;
  readonly #factValues: ColumnReader;

  constructor(columns: ColumnsReader, dictionary: DictionaryReader, budget: Budget) {
    this.#dictionary = dictionary;
    this.#budget = budget;
    this.#clientAddresses = columns.rows(Field.ClientAddresses);
    this.#serverAddresses = columns.column(Field.ServerAddresses);
    this.#serverPorts = columns.column(Field.ServerPorts);
    this.#kinds = columns.column(Field.Kinds);
    this.#scopes = columns.column(Field.Scopes);
    this.#vias = columns.column(Field.Vias);
    this.#clientVias = columns.column(Field.ClientVias);
    this.#directions = columns.column(Field.Directions);
    this.#nats = columns.column(Field.Nats);
    this.#client = {
      processes: columns.column(Field.ClientProcesses),
      evidences: columns.column(Field.ClientEvidences),
      netns: columns.column(Field.ClientNetns),
      factCounts: columns.column(Field.ClientFactCounts),
    };
    this.#server = {
      processes: columns.column(Field.ServerProcesses),
      evidences: columns.column(Field.ServerEvidences),
      netns: columns.column(Field.ServerNetns),
      factCounts: columns.column(Field.ServerFactCounts),
    };
    this.#factKeys = columns.rows(Field.EndFactKeys);
    this.#factValues = columns.column(Field.EndFactValues);
  }

  /** The next one. @throws StatementError */
  read(): FlowDefinition {
    const clientAddress = this.#name(this.#clientAddresses);
    const serverAddress = this.#name(this.#serverAddresses);
    const port = this.#serverPorts.next();
    if (port > PORT_MAX) throw new StatementError('BAD_NUMBER', `cannot read port ${port}`);
    const kind = this.#kinds.next();
    if (kind > KIND_BITS) throw new StatementError('BAD_NUMBER', `cannot read kind ${kind}`);
    return {
      kind: (kind & KIND_FORWARDED) === 0 ? 'ends' : 'forwarded',
      scope: this.#name(this.#scopes),
      via: this.#name(this.#vias),
      clientVia: this.#name(this.#clientVias),
      direction: this.#name(this.#directions),
      nat: this.#name(this.#nats),
      client: this.#end(clientAddress, (kind & CLIENT_IS_HERE) !== 0, this.#client),
      server: { ...this.#end(serverAddress, (kind & SERVER_IS_HERE) !== 0, this.#server), port },
    };
  }

  #end(address: string, isHere: boolean, columns: EndColumns): FlowEnd {
    const end: Mutable<FlowEnd> = { address, isHere, netns: columns.netns.next() };
    const process = this.#dictionary.process(columns.processes.next());
    if (process !== undefined) end.process = process;
    const evidence = this.#name(columns.evidences);
    if (evidence !== '') end.evidence = evidence;
    const facts = columns.factCounts.next();
    if (facts > 0) end.facts = this.#facts(facts);
    return end;
  }

  #facts(count: number): ReadonlyMap<string, string> {
    const facts = new Map<string, string>();
    for (let i = 0; i < count; i++) {
      this.#budget.entry();
      const key = this.#dictionary.text(this.#factKeys.next());
      if (facts.has(key)) throw new StatementError('DUPLICATE', 'cannot read a fact of an end twice');
      facts.set(key, this.#dictionary.text(this.#factValues.next()));
    }
    return facts;
  }

  #name(column: ColumnReader): string {
    const name = this.#dictionary.text(column.next());
    if (name.length > NAME_LENGTH_MAX)
      throw new StatementError('TEXT_TOO_LONG', `cannot read a name of ${name.length} characters`);
    return name;
  }
}

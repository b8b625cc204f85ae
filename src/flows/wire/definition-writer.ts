/** Definitions of flows as columns. */
import type { FlowDefinition, FlowEnd } from '../flow.js';
import type { ColumnWriter, ColumnsWriter } from './column-writer.js';
import type { DictionaryWriter } from './dictionary-writer.js';
import { Field } from './fields.js';

/** Bits of a row of `Field.Kinds`. */
export const KIND_FORWARDED = 1;
export const CLIENT_IS_HERE = 2;
export const SERVER_IS_HERE = 4;

interface EndColumns {
  readonly processes: ColumnWriter;
  readonly evidences: ColumnWriter;
  readonly netns: ColumnWriter;
  readonly factCounts: ColumnWriter;
}

export class DefinitionWriter {
  readonly #dictionary: DictionaryWriter;
  readonly #clientAddresses: ColumnWriter;
  readonly #serverAddresses: ColumnWriter;
  readonly #serverPorts: ColumnWriter;
  readonly #kinds: ColumnWriter;
  readonly #scopes: ColumnWriter;
  readonly #vias: ColumnWriter;
  readonly #clientVias: ColumnWriter;
  readonly #directions: ColumnWriter;
  readonly #nats: ColumnWriter;
  readonly #client: EndColumns;
  readonly #server: EndColumns;
  readonly #factKeys: ColumnWriter;
  readonly #factValues: ColumnWriter;

  constructor(columns: ColumnsWriter, dictionary: DictionaryWriter) {
    this.#dictionary = dictionary;
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

  write(definition: FlowDefinition): void {
    const { client, server } = definition;
    const dictionary = this.#dictionary;
    this.#clientAddresses.push(dictionary.text(client.address));
    this.#serverAddresses.push(dictionary.text(server.address));
    this.#serverPorts.push(server.port);
    this.#kinds.push(
      (definition.kind === 'forwarded' ? KIND_FORWARDED : 0) |
        (client.isHere ? CLIENT_IS_HERE : 0) |
        (server.isHere ? SERVER_IS_HERE : 0),
    );
    this.#scopes.push(dictionary.text(definition.scope));
    this.#vias.push(dictionary.text(definition.via));
    this.#clientVias.push(dictionary.text(definition.clientVia));
    this.#directions.push(dictionary.text(definition.direction));
    this.#nats.push(dictionary.text(definition.nat));
    this.#end(client, this.#client);
    this.#end(server, this.#server);
  }

  #end(end: FlowEnd, columns: EndColumns): void {
    const dictionary = this.#dictionary;
    columns.processes.push(dictionary.process(end.process));
    columns.evidences.push(dictionary.text(end.evidence));
    columns.netns.push(end.netns);
    columns.factCounts.push(end.facts?.size ?? 0);
    for (const [key, value] of end.facts ?? []) {
      this.#factKeys.push(dictionary.text(key));
      this.#factValues.push(dictionary.text(value));
    }
  }
}

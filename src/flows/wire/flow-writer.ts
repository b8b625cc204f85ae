/** Flows as columns: ids, definitions, numbers, failures and ports. */
import { NUMBERS, type FlowState } from '../flow.js';
import type { StatedFlow } from '../statement.js';
import type { ColumnWriter, ColumnsWriter } from './column-writer.js';
import { DefinitionWriter } from './definition-writer.js';
import type { DictionaryWriter } from './dictionary-writer.js';
import { StatementError } from './errors.js';
import { Field, type FieldNumber } from './fields.js';

/** Bits of a row of `Field.FlowParts`. */
export const HAS_DEFINITION = 1;
export const HAS_NO_STATE = 2;

/** @throws StatementError BAD_NUMBER, WRONG_ORDER */
export function writeFlows(
  columns: ColumnsWriter,
  dictionary: DictionaryWriter,
  flows: readonly StatedFlow[],
): void {
  const ids = columns.rows(Field.FlowIds);
  const parts = columns.column(Field.FlowParts);
  const definitions = new DefinitionWriter(columns, dictionary);
  const states = new StateWriter(columns, dictionary);
  let before = -1;
  for (const { id, definition, state } of flows) {
    before = pushAscending(ids, id, before);
    parts.push((definition ? HAS_DEFINITION : 0) | (state ? 0 : HAS_NO_STATE));
    if (definition) definitions.write(definition);
    if (state) states.write(state);
  }
}

/** @throws StatementError BAD_NUMBER, WRONG_ORDER */
export function writeIds(columns: ColumnsWriter, field: FieldNumber, ids: readonly number[]): void {
  const column = columns.rows(field);
  let before = -1;
  for (const id of ids) before = pushAscending(column, id, before);
}

function pushAscending(column: ColumnWriter, id: number, before: number): number {
  if (id <= before) throw new StatementError('WRONG_ORDER', `cannot write id ${id} after ${before}`);
  column.push(id - before - 1);
  return id;
}

class StateWriter {
  readonly #dictionary: DictionaryWriter;
  readonly #numbers: readonly ColumnWriter[];
  readonly #failureCounts: ColumnWriter;
  readonly #failureReasons: ColumnWriter;
  readonly #failures: ColumnWriter;
  readonly #portModuli: ColumnWriter;
  readonly #portCounts: ColumnWriter;
  readonly #ports: ColumnWriter;
  readonly #portsStandFor: ColumnWriter;
  readonly #portPaired: ColumnWriter;
  readonly #pairedPorts: ColumnWriter;

  constructor(columns: ColumnsWriter, dictionary: DictionaryWriter) {
    this.#dictionary = dictionary;
    this.#numbers = Array.from({ length: NUMBERS }, (_, place) => columns.column(Field.Numbers + place));
    this.#failureCounts = columns.column(Field.FailureCounts);
    this.#failureReasons = columns.rows(Field.FailureReasons);
    this.#failures = columns.column(Field.Failures);
    this.#portModuli = columns.column(Field.PortModuli, 1);
    this.#portCounts = columns.column(Field.PortCounts);
    this.#ports = columns.rows(Field.Ports);
    this.#portsStandFor = columns.column(Field.PortsStandFor, 1);
    this.#portPaired = columns.column(Field.PortPaired);
    this.#pairedPorts = columns.rows(Field.PairedPorts);
  }

  write({ numbers, failed, ports: { modulus, ports, standsFor }, portPairs }: FlowState): void {
    for (let place = 0; place < NUMBERS; place++) this.#numbers[place]!.push(numbers[place]!);
    this.#failureCounts.push(failed.size);
    for (const [reason, count] of failed) {
      this.#failureReasons.push(this.#dictionary.text(reason));
      this.#failures.push(count);
    }
    this.#portModuli.push(modulus);
    this.#portCounts.push(ports.length);
    let before = -1;
    for (let i = 0; i < ports.length; i++) {
      before = pushAscending(this.#ports, ports[i]!, before);
      this.#portsStandFor.push(standsFor[i]!);
      if (portPairs !== undefined) this.#pairedPorts.push(portPairs[i]!);
    }
    this.#portPaired.push(portPairs === undefined ? 0 : 1);
  }
}

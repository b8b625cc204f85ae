/** Flows from columns. */
import type { Mutable } from '../../report/model/mutable.js';
import {
  NO_FAILURES,
  NO_PORTS,
  NUMBERS,
  PORTS_MAX,
  type FlowNumbers,
  type FlowPorts,
  type FlowState,
} from '../flow.js';
import type { StatedFlow } from '../statement.js';
import type { Budget } from './budget.js';
import type { ColumnReader, ColumnsReader } from './column-reader.js';
import { DefinitionReader } from './definition-reader.js';
import type { DictionaryReader } from './dictionary-reader.js';
import { StatementError } from './errors.js';
import { Field } from './fields.js';
import { HAS_DEFINITION, HAS_NO_STATE } from './flow-writer.js';

/**
 * So many flows share one block of memory for their numbers: an array per flow costs ten times more. One flow keeps 5.5 KiB.
 */
const FLOWS_PER_BLOCK = 64;
const FLOAT_BYTES = 8;
const PORT_MAX = 0xffff;
const STANDS_FOR_MAX = 0xffff_ffff;
const REASON_LENGTH_MAX = 512;
/** Powers of three up to the first one above the greatest port. */
const MODULI: ReadonlySet<number> = new Set(Array.from({ length: 12 }, (_, power) => 3 ** power));

/** @param isWhole each flow must have a definition and a state. @throws StatementError */
export function readFlows(
  columns: ColumnsReader,
  dictionary: DictionaryReader,
  budget: Budget,
  isWhole: boolean,
): StatedFlow[] {
  const ids = columns.rows(Field.FlowIds);
  const allParts = columns.column(Field.FlowParts);
  const definitions = new DefinitionReader(columns, dictionary, budget);
  const states = new StateReader(columns, dictionary, budget);
  const flows: StatedFlow[] = [];
  let before = -1;
  while (!ids.isAtEnd) {
    budget.flow();
    before = nextAscending(ids, before, Number.MAX_SAFE_INTEGER);
    const parts = allParts.next();
    if (parts > (HAS_DEFINITION | HAS_NO_STATE))
      throw new StatementError('BAD_NUMBER', `cannot read flow ${before}`);
    if (isWhole && parts !== HAS_DEFINITION)
      throw new StatementError('INCOMPLETE', `cannot read flow ${before}`);
    const flow: Mutable<StatedFlow> = { id: before };
    if ((parts & HAS_DEFINITION) !== 0) flow.definition = definitions.read();
    if ((parts & HAS_NO_STATE) === 0) flow.state = states.read();
    flows.push(flow);
  }
  return flows;
}

/** @param flows none of them may be gone. @throws StatementError */
export function readGoneFlows(
  columns: ColumnsReader,
  budget: Budget,
  flows: readonly StatedFlow[],
): number[] {
  const column = columns.rows(Field.GoneFlows);
  const gone: number[] = [];
  let before = -1;
  let at = 0;
  while (!column.isAtEnd) {
    budget.goneFlow();
    before = nextAscending(column, before, Number.MAX_SAFE_INTEGER);
    while (at < flows.length && flows[at]!.id < before) at++;
    if (flows[at]?.id === before)
      throw new StatementError('DUPLICATE', `cannot read flow ${before} as stated and as gone`);
    gone.push(before);
  }
  return gone;
}

function nextAscending(column: ColumnReader, before: number, most: number): number {
  const value = before + 1 + column.next();
  if (value > most) throw new StatementError('BAD_NUMBER', `cannot read a number after ${before}`);
  return value;
}

class StateReader {
  readonly #dictionary: DictionaryReader;
  readonly #budget: Budget;
  readonly #numbers: readonly ColumnReader[];
  readonly #failureCounts: ColumnReader;
  readonly #failureReasons: ColumnReader;
  readonly #failures: ColumnReader;
  readonly #portModuli: ColumnReader;
  readonly #portCounts: ColumnReader;
  readonly #ports: ColumnReader;
  readonly #portsStandFor: ColumnReader;
  readonly #portPaired: ColumnReader;
  readonly #pairedPorts: ColumnReader;
  #block = new ArrayBuffer(0);
  #blockAt = 0;

  constructor(columns: ColumnsReader, dictionary: DictionaryReader, budget: Budget) {
    this.#dictionary = dictionary;
    this.#budget = budget;
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

  read(): FlowState {
    const numbers = this.#readNumbers();
    const failed = this.#readFailures();
    const ports = this.#readPorts();
    const paired = this.#portPaired.next();
    if (paired > 1) throw new StatementError('BAD_NUMBER', 'cannot read whether ports are paired');
    if (paired === 0) return { numbers, failed, ports };
    return { numbers, failed, ports, portPairs: this.#readPairs(ports.ports.length) };
  }

  #readNumbers(): FlowNumbers {
    if (this.#blockAt === this.#block.byteLength) {
      this.#block = new ArrayBuffer(FLOWS_PER_BLOCK * NUMBERS * FLOAT_BYTES);
      this.#blockAt = 0;
    }
    const numbers = new Float64Array(this.#block, this.#blockAt, NUMBERS);
    this.#blockAt += NUMBERS * FLOAT_BYTES;
    for (let place = 0; place < NUMBERS; place++) numbers[place] = this.#numbers[place]!.next();
    return numbers;
  }

  #readFailures(): ReadonlyMap<string, number> {
    const count = this.#failureCounts.next();
    if (count === 0) return NO_FAILURES;
    const failed = new Map<string, number>();
    for (let i = 0; i < count; i++) {
      this.#budget.entry();
      const reason = this.#dictionary.text(this.#failureReasons.next());
      if (reason.length > REASON_LENGTH_MAX)
        throw new StatementError('TEXT_TOO_LONG', `cannot read a reason of ${reason.length} characters`);
      if (failed.has(reason)) throw new StatementError('DUPLICATE', 'cannot read a reason twice');
      failed.set(reason, this.#failures.next());
    }
    return failed;
  }

  #readPairs(count: number): Uint16Array {
    const pairs = new Uint16Array(count);
    for (let i = 0; i < count; i++) {
      const port = this.#pairedPorts.next();
      if (port > PORT_MAX) throw new StatementError('BAD_NUMBER', `cannot read port ${port}`);
      pairs[i] = port;
    }
    return pairs;
  }

  #readPorts(): FlowPorts {
    const modulus = this.#portModuli.next();
    const count = this.#portCounts.next();
    if (modulus === 0 && count === 0) return NO_PORTS;
    if (!MODULI.has(modulus))
      throw new StatementError('BAD_NUMBER', `cannot read ports of modulus ${modulus}`);
    if (count > PORTS_MAX)
      throw new StatementError('TOO_MANY_ENTRIES', `cannot read ${count} ports of one flow`);
    const ports = new Uint16Array(count);
    const standsFor = new Uint32Array(count);
    let before = -1;
    for (let i = 0; i < count; i++) {
      before = nextAscending(this.#ports, before, PORT_MAX);
      if (before % modulus !== 0)
        throw new StatementError('BAD_NUMBER', `cannot read port ${before} among multiples of ${modulus}`);
      ports[i] = before;
      const number = this.#portsStandFor.next();
      if (number > STANDS_FOR_MAX)
        throw new StatementError('BAD_NUMBER', 'cannot read what a port stands for');
      standsFor[i] = number;
    }
    return { modulus, ports, standsFor };
  }
}

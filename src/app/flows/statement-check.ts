/** Whether a statement can be taken in by who holds these flows: it is checked whole before anything is changed. */
import { NUMBERS, type FlowState } from '../../flows/flow.js';
import type { Statement } from '../../flows/statement.js';
import { AppError } from '../errors.js';

/** @throws AppError BROKEN_STATEMENT */
export function checkStatement(statement: Statement, isHeld: (id: number) => boolean): void {
  const { epoch, seq, base, atMs, intervalMs } = statement;
  for (const [name, value] of Object.entries({ epoch, seq, base, atMs, intervalMs }))
    if (!Number.isFinite(value) || value < 0) refuse(`its ${name} is ${value}`);
  if (base >= seq) refuse(`its seq ${seq} is not above its base ${base}`);
  let before = -1;
  for (const { id, definition, state } of statement.flows) {
    if (!(id > before) || !Number.isSafeInteger(id)) refuse(`flow ${id} comes after flow ${before}`);
    before = id;
    if ((base === 0 || !isHeld(id)) && (definition === undefined || state === undefined))
      refuse(`flow ${id} was not stated before, and has no ${definition === undefined ? 'ends' : 'numbers'}`);
    if (state !== undefined) checkState(id, state);
  }
}

function checkState(id: number, { numbers, failed, ports, portPairs }: FlowState): void {
  if (numbers.length !== NUMBERS) refuse(`flow ${id} has ${numbers.length} numbers`);
  for (const number of numbers) if (!isCount(number)) refuse(`flow ${id} has the number ${number}`);
  for (const count of failed.values()) if (!isCount(count)) refuse(`flow ${id} has ${count} failures`);
  const places = ports.ports.length;
  if (ports.standsFor.length !== places || (portPairs?.length ?? places) !== places)
    refuse(`flow ${id} has ${places} ports and other counts for them`);
  if (!isCount(ports.modulus)) refuse(`flow ${id} has the port modulus ${ports.modulus}`);
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function refuse(why: string): never {
  throw new AppError('BROKEN_STATEMENT', `cannot take in a statement: ${why}`);
}

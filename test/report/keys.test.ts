/** Keys of facts: each is there once, and numbers are read from them in one way. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FACT, latestOf, numberOf } from '../../src/report/keys.js';
import type { Node } from '../../src/report/model/model.js';
import { AT } from './sample-report.js';

function nodeWith(value: string): Node {
  return { id: 'x', topology: 'endpoint', latest: new Map([[FACT.connCount, { timestamp: AT, value }]]) };
}

test('no key has two names', () => {
  const keys = Object.values(FACT);
  assert.equal(new Set(keys).size, keys.length);
});

test('a number is whole and not negative, and no longer than a double counts exactly', () => {
  for (const [text, number] of [
    ['0', 0],
    ['007', 7],
    ['999999999999999', 999_999_999_999_999],
  ] as const)
    assert.equal(numberOf(nodeWith(text), FACT.connCount), number);
  for (const text of ['', '-1', '1.5', '1e3', ' 1', '1 ', '0x10', 'NaN', '1000000000000000'])
    assert.equal(numberOf(nodeWith(text), FACT.connCount), undefined, text);
});

test('what is not there has no value', () => {
  assert.equal(latestOf(undefined, FACT.pid), undefined);
  assert.equal(latestOf({ id: 'x', topology: 'endpoint' }, FACT.pid), undefined);
  assert.equal(numberOf(nodeWith('1'), FACT.pid), undefined);
});

/** Messages of an app that is older, newer or broken: read what is there, refuse only what is no message at all. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseDelta, parseDetails, WireError } from '../../src/web/api/wire.js';

void test('empty lists may be null or missing', () => {
  assert.deepEqual(parseDelta('{"add":null,"remove":null}'), {
    add: [],
    update: [],
    remove: [],
    reset: false,
  });
});

void test('a node without a label is called by its id; one without an id is none', () => {
  const { add } = parseDelta('{"add":[{"id":"vm;1"},{"label":"no id"},7,null]}');
  assert.deepEqual(
    add.map(({ id, label }) => [id, label]),
    [['vm;1', 'vm;1']],
  );
});

void test('what is not JSON or not an object is refused', () => {
  for (const text of ['', '{', '[]', '"text"', 'null']) {
    assert.throws(
      () => parseDelta(text),
      (error) => error instanceof WireError,
      text,
    );
  }
});

void test('no JSON value makes reading fail in any other way', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const node = {
        id: 'a',
        metadata: value,
        metrics: value,
        parents: value,
        adjacency: value,
        label: value,
      };
      assert.equal(parseDelta(JSON.stringify({ add: [node], update: value, remove: value })).add.length, 1);
      assert.equal(
        parseDetails({ node: { ...node, connections: value, children: value, tables: value } }).id,
        'a',
      );
    }),
  );
});

void test("a node's connections keep port and count by column", () => {
  const { connections } = parseDetails({
    node: {
      id: 'a',
      connections: [
        {
          id: 'incoming-connections',
          topologyId: 'processes',
          label: 'Inbound',
          columns: [{ id: 'port', label: 'Port', dataType: 'number' }],
          connections: [
            {
              id: 'x',
              nodeId: 'b',
              label: 'curl',
              metadata: [
                { id: 'port', value: '80' },
                { id: 'count', value: 3 },
              ],
            },
          ],
        },
      ],
    },
  });
  assert.deepEqual(
    [...(connections[0]?.rows[0]?.values ?? [])],
    [
      ['port', '80'],
      ['count', '3'],
    ],
  );
});

/** The same thing is called the same by every probe. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  containerImageNodeId,
  containerNodeId,
  endpointNodeId,
  hostNodeId,
  namespaceNodeId,
  parseEndpointNodeId,
  parseNodeId,
  parseProcessNodeId,
  podNodeId,
  processNodeId,
  scopeOf,
  serviceNodeId,
  TOPOLOGY_NAMES,
} from '../../src/report/index.js';

test('ids have the forms that other probes use', () => {
  assert.equal(endpointNodeId('', '10.0.0.2', 80), ';10.0.0.2;80');
  assert.equal(processNodeId('vm', 4711), 'vm;4711');
  assert.equal(hostNodeId('vm'), 'vm;<host>');
  assert.equal(containerNodeId('0123abcd'), '0123abcd;<container>');
  assert.equal(containerImageNodeId('sha'), 'sha;<container_image>');
  assert.equal(podNodeId('uid'), 'uid;<pod>');
  assert.equal(serviceNodeId('uid'), 'uid;<service>');
  assert.equal(namespaceNodeId('shop'), 'shop;<namespace>');
});

test('loopback is scoped by host and namespace, host-local networks by host, others not at all', () => {
  const idOf = (address: string, isHostLocal = false): string =>
    endpointNodeId(scopeOf(address, 'vm', 4_026_531_833, isHostLocal), address, 8097);
  assert.equal(idOf('127.0.0.1'), 'vm-4026531833;127.0.0.1;8097');
  assert.equal(idOf('127.8.9.10', true), 'vm-4026531833;127.8.9.10;8097');
  assert.equal(idOf('::1'), 'vm-4026531833;::1;8097');
  assert.equal(idOf('172.17.0.2', true), 'vm;172.17.0.2;8097');
  assert.equal(idOf('172.17.0.2'), ';172.17.0.2;8097');
  assert.equal(idOf('1127.0.0.1'), ';1127.0.0.1;8097');
});

test('ids come apart into what they were made of', () => {
  const part = fc.stringMatching(/^[^;]*$/);
  fc.assert(
    fc.property(part, part, fc.nat(65_535), (scope, address, port) => {
      assert.deepEqual(parseEndpointNodeId(endpointNodeId(scope, address, port)), {
        scope,
        address,
        port: String(port),
      });
      assert.deepEqual(parseProcessNodeId(processNodeId(scope, port)), {
        hostName: scope,
        pid: String(port),
      });
      assert.deepEqual(parseNodeId(podNodeId(address)), { own: address, kind: 'pod' });
    }),
  );
});

test('what has another form is not taken apart', () => {
  for (const id of ['', 'vm;4711', 'a;b;c;d']) assert.equal(parseEndpointNodeId(id), undefined);
  for (const id of ['', '4711', 'vm;<host>', 'vm;', 'vm;-1']) assert.equal(parseProcessNodeId(id), undefined);
  for (const id of ['', 'vm;4711', 'vm;<host']) assert.equal(parseNodeId(id), undefined);
});

test('each topology has a name of its own', () => {
  const names = Object.values(TOPOLOGY_NAMES);
  assert.equal(new Set(names).size, names.length);
});

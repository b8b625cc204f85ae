/** Writes rows of a report's `Flows`. What is unknown is left out; counts are there, be they 0. */
import type { FlowRow, FlowRowEnd, FlowRowServer } from '../model/flow-row.js';
import type { ValueWriter } from './value-writer.js';

type Field = readonly [key: string, value: string | number | true | undefined];

export function writeFlowRow(writer: ValueWriter, row: FlowRow): void {
  const { failed, evidence, ports } = row;
  const fields = known([
    ['via', row.via],
    ['connections', row.connections],
    ['opened', row.opened],
    ['closed', row.closed],
    ['live', row.live],
    ['bytesSent', row.bytesSent],
    ['bytesReceived', row.bytesReceived],
    ['retransmits', row.retransmits],
    ['rttMicros', row.rttMicros],
    ['connectMicros', row.connectMicros],
    ['sampled', row.sampled === true ? true : undefined],
  ]);
  writer.beginMap(fields.length + 6);
  writeField(writer, ['scope', row.scope]);
  writer.key('client');
  writeEnd(writer, row.client);
  writer.key('server');
  writeEnd(writer, row.server);
  for (const field of fields) writeField(writer, field);
  writer.key('failed');
  writeFields(writer, Object.entries(failed));
  writer.key('evidence');
  writeFields(writer, [
    ['direction', evidence.direction],
    ['clientProcess', evidence.clientProcess],
    ['serverProcess', evidence.serverProcess],
    ['nat', evidence.nat],
  ]);
  writer.key('ports');
  writer.beginList(ports.length);
  for (const [port, standsFor] of ports) {
    writer.beginList(2);
    writer.number(port);
    writer.number(standsFor);
    writer.endList();
  }
  writer.endList();
  writer.endMap();
}

function writeEnd(writer: ValueWriter, end: FlowRowEnd | FlowRowServer): void {
  writeFields(writer, [
    ['address', end.address],
    ['port', 'port' in end ? end.port : undefined],
    ['host', end.host],
    ['pid', end.pid],
    ['start', end.start],
    ['name', end.name],
  ]);
}

function writeFields(writer: ValueWriter, all: readonly Field[]): void {
  const fields = known(all);
  writer.beginMap(fields.length);
  for (const field of fields) writeField(writer, field);
  writer.endMap();
}

function known(fields: readonly Field[]): Field[] {
  return fields.filter(([, value]) => value !== undefined);
}

function writeField(writer: ValueWriter, [key, value]: Field): void {
  writer.key(key);
  if (typeof value === 'string') writer.text(value);
  else if (typeof value === 'number') writer.number(value);
  else writer.boolean(value === true);
}

/** Writes templates: how a topology's facts are to be shown. */
import type { MetadataTemplate, MetricTemplate, TableTemplate } from '../model/model.js';
import { writeOpaque, writeTextMap, type ValueWriter } from './value-writer.js';

export function writeMetadataTemplate(writer: ValueWriter, template: MetadataTemplate): void {
  const { id, label, truncate, dataType, priority, from } = template;
  writePresent(writer, { id, label, truncate, dataType, priority, from });
}

export function writeMetricTemplate(writer: ValueWriter, template: MetricTemplate): void {
  const { id, label, format, group, priority } = template;
  writePresent(writer, { id, label, format, group, priority });
}

export function writeTableTemplate(writer: ValueWriter, template: TableTemplate): void {
  const { id, label, prefix, type, columns, fixedRows } = template;
  writePresent(writer, {
    id,
    label,
    prefix,
    type,
    columns: columns?.length ? columns : undefined,
    fixedRows: fixedRows?.size ? fixedRows : undefined,
  });
}

function writePresent(writer: ValueWriter, fields: Readonly<Record<string, unknown>>): void {
  writeTextMap(
    writer,
    new Map(Object.entries(fields).filter(([, value]) => value !== undefined)),
    writeOpaque,
  );
}

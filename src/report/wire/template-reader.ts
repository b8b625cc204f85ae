/** Reads templates: how a topology's facts are to be shown. */
import type { Mutable } from '../model/mutable.js';
import type { MetadataTemplate, MetricTemplate, TableTemplate } from '../model/model.js';
import { readFields, readTextMap, type ValueReader } from './value-reader.js';

/** @param key what the template is called when it does not say so itself */
export function readMetadataTemplate(reader: ValueReader, key: string): MetadataTemplate {
  const template: Mutable<MetadataTemplate> = { id: key };
  readFields(reader, 'a metadata template', (field) => {
    if (field === 'truncate' || field === 'priority') template[field] = reader.number('a template');
    else if (field === 'id' || field === 'label' || field === 'dataType' || field === 'from') {
      template[field] = reader.text('a template');
    } else return false;
    return true;
  });
  return template;
}

export function readMetricTemplate(reader: ValueReader, key: string): MetricTemplate {
  const template: Mutable<MetricTemplate> = { id: key };
  readFields(reader, 'a metric template', (field) => {
    if (field === 'priority') template.priority = reader.number('a template');
    else if (field === 'id' || field === 'label' || field === 'format' || field === 'group') {
      template[field] = reader.text('a template');
    } else return false;
    return true;
  });
  return template;
}

export function readTableTemplate(reader: ValueReader, key: string): TableTemplate {
  const template: Mutable<TableTemplate> = { id: key };
  readFields(reader, 'a table template', (field) => {
    if (field === 'id' || field === 'label' || field === 'prefix' || field === 'type') {
      template[field] = reader.text('a template');
    } else if (field === 'columns') {
      const columns = readColumns(reader);
      if (columns.length > 0) template.columns = columns;
    } else if (field === 'fixedRows') {
      const rows = readTextMap(reader, 'fixed rows', () => reader.text('a fixed row'));
      if (rows.size > 0) template.fixedRows = rows;
    } else return false;
    return true;
  });
  return template;
}

type Column = NonNullable<TableTemplate['columns']>[number];

function readColumns(reader: ValueReader): Column[] {
  const columns: Column[] = [];
  if (!reader.enterList('columns')) return columns;
  while (reader.nextElement()) {
    const column: Mutable<Column> = { id: '' };
    readFields(reader, 'a column', (field) => {
      if (field !== 'id' && field !== 'label' && field !== 'dataType') return false;
      column[field] = reader.text('a column');
      return true;
    });
    columns.push(column);
  }
  return columns;
}

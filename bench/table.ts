/** A table for the terminal. */

const GAP = '  ';

/** Rows of as many cells as the first, the heading, has. */
export function tableText(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join(GAP);
  return rows.map((row) => line(row).trimEnd()).join('\n');
}

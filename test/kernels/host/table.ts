/** What was seen, as a table for each kernel: a line for each check, a column for each rung, and below what was seen instead. */
import { CHECKS } from '../checks/index.js';
import type { Trial } from './try-kernel.js';

/** In Markdown. */
export function tableOf(trials: readonly Trial[]): string {
  const notes: string[] = [];
  const tables = trials.map((trial) => kernelTable(trial, notes));
  const legend = notes.map((note, index) => `${index + 1}. ${note}\n`).join('');
  return tables.join('\n') + (legend === '' ? '' : `\nSeen instead:\n\n${legend}`);
}

function kernelTable({ kernel, release, rungs, sights }: Trial, notes: string[]): string {
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;
  const head = [`${release} (${kernel.architecture})`, ...rungs];
  const rows = CHECKS.map((check) => {
    const cells = rungs.map((rung) => {
      const sight = sights.find((each) => each.rung === rung && each.check === check.name);
      if (sight !== undefined && sight.instead === undefined) return '✓';
      notes.push(
        `${kernel.name}, ${rung}: ${check.name}: \`${(sight?.instead ?? 'no answer').replaceAll('`', "'")}\``,
      );
      return `${check.rungs.includes(rung) ? '✗' : '–'} ${notes.length}`;
    });
    return row([check.name, ...cells]);
  });
  return row(head) + row(head.map(() => '---')) + rows.join('');
}

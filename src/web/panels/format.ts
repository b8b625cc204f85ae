/** Values as people read them. */

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** A metric's value by Scope's format name. */
export function formatMetric(value: number | undefined, format: string): string {
  if (value === undefined) return '–';
  switch (format) {
    case 'percent':
      return `${value.toFixed(value < 10 ? 1 : 0)} %`;
    case 'filesize':
      return formatBytes(value);
    default:
      return Number.isInteger(value) ? value.toLocaleString('en') : value.toFixed(2);
  }
}

export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= 1_024 && unit < BYTE_UNITS.length - 1) {
    value /= 1_024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 1 : 0)} ${BYTE_UNITS[unit] ?? ''}`;
}

/** A fact's text by its data type; what does not parse is shown as it came. */
export function formatFact(value: string, dataType: string): string {
  if (dataType === 'datetime' && !Number.isNaN(Date.parse(value))) return new Date(value).toLocaleString();
  if (dataType === 'duration' && /^\d+$/.test(value)) return formatDuration(Number(value));
  return value;
}

/** The two largest units: `3 d 4 h`. */
export function formatDuration(seconds: number): string {
  const whole = Math.floor(seconds);
  const parts: [number, string][] = [
    [Math.floor(whole / 86_400), 'd'],
    [Math.floor(whole / 3_600) % 24, 'h'],
    [Math.floor(whole / 60) % 60, 'min'],
    [whole % 60, 's'],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  if (first < 0) return '0 s';
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(' ');
}

/** A metric's recent course as a small line. */
import type { MetricRow } from '../api/wire.js';

const NAMESPACE = 'http://www.w3.org/2000/svg';
const WIDTH = 120;
const HEIGHT = 28;

/** Undefined with fewer than two samples: a dot is no course. */
export function sparkline({ samples, label, max }: MetricRow): SVGSVGElement | undefined {
  const first = samples[0];
  const last = samples.at(-1);
  if (first === undefined || last === undefined || last.unixMs === first.unixMs) return undefined;
  const peak = Math.max(...samples.map(({ value }) => value));
  // Far below its limit a line would lie flat on the ground: then its own peak is the scale.
  const scale = max !== undefined && max > 0 && peak > max / 4 ? max : peak || 1;
  const points = samples.map(({ unixMs, value }) => {
    const x = ((unixMs - first.unixMs) / (last.unixMs - first.unixMs)) * WIDTH;
    return `${x.toFixed(1)},${(HEIGHT - 2 - (value / scale) * (HEIGHT - 4)).toFixed(1)}`;
  });
  const svg = document.createElementNS(NAMESPACE, 'svg');
  svg.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
  svg.setAttribute('class', 'sparkline');
  svg.setAttribute('role', 'img');
  svg.setAttribute(
    'aria-label',
    `${label}, last ${Math.round((last.unixMs - first.unixMs) / 1_000)} seconds`,
  );
  const line = document.createElementNS(NAMESPACE, 'polyline');
  line.setAttribute('points', points.join(' '));
  svg.append(line);
  return svg;
}

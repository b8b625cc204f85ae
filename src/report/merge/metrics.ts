/** Metrics: samples in order of time, and the range they are shown against. */
import { compare } from '../model/timestamp.js';
import type { Metric, Sample } from '../model/model.js';

/** Samples joined in order of time; of two at one instant the greater value stays; the range takes in both. */
export function mergeMetrics(metrics: readonly Metric[]): Metric {
  const first = metrics[0]!;
  if (metrics.every((metric) => metric === first)) return first;
  let { min, max } = first;
  for (const metric of metrics) {
    min = Math.min(min, metric.min);
    max = Math.max(max, metric.max);
  }
  const samples = metrics.reduce<readonly Sample[]>((joined, metric) => join(joined, metric.samples), []);
  return { samples, min, max };
}

/** Two lists in order of time, joined; the first as it is where the second has nothing new. */
function join(a: readonly Sample[], b: readonly Sample[]): readonly Sample[] {
  if (a.length === 0) return b;
  if (b.length === 0) return a;
  if (compare(a.at(-1)!.date, b[0]!.date) < 0) return [...a, ...b];
  const joined: Sample[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    const order = compare(a[i]!.date, b[j]!.date);
    if (order < 0) joined.push(a[i++]!);
    else if (order > 0) joined.push(b[j++]!);
    else {
      joined.push(bySample(a[i]!, b[j]!) >= 0 ? a[i]! : b[j]!);
      i++;
      j++;
    }
  }
  for (; i < a.length; i++) joined.push(a[i]!);
  for (; j < b.length; j++) joined.push(b[j]!);
  return joined;
}

/** The metric itself when its samples are in order and none comes twice. */
export function sortedMetric(metric: Metric): Metric {
  const { samples, min, max } = metric;
  let isSorted = true;
  for (let i = 1; i < samples.length && isSorted; i++) {
    isSorted = compare(samples[i - 1]!.date, samples[i]!.date) < 0;
  }
  if (isSorted) return metric;
  const kept: Sample[] = [];
  for (const sample of [...samples].sort(bySample)) {
    const last = kept.at(-1);
    if (last !== undefined && compare(last.date, sample.date) === 0) kept[kept.length - 1] = sample;
    else kept.push(sample);
  }
  return { samples: kept, min, max };
}

/** By instant; at one instant the one that is to stay comes last. */
function bySample(a: Sample, b: Sample): number {
  return compare(a.date, b.date) || a.value - b.value || a.date.zoneMinutes - b.date.zoneMinutes;
}

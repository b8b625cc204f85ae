/** Metrics: samples in order of time, and the range they are shown against. */
import { compare } from './timestamp.js';
import type { Metric, Sample } from './model.js';

/** Samples joined in order of time; of two at one instant the greater value stays; the range takes in both. */
export function mergeMetrics(metrics: readonly Metric[]): Metric {
  const first = metrics[0]!;
  if (metrics.every((metric) => metric === first)) return first;
  let { min, max } = first;
  for (const metric of metrics) {
    min = Math.min(min, metric.min);
    max = Math.max(max, metric.max);
  }
  return sortedMetric({ samples: metrics.flatMap((metric) => metric.samples), min, max });
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

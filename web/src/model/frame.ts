// A range query's answer as columns: one shared time column and one Float64Array a series, NaN where the
// series has no sample. The answer of the API (text pairs per sample) is turned into this once, in the
// worker, and nothing is boxed again before the canvas.
//
// All columns are views of one buffer, so that a frame crosses from the worker in one transfer.
// Bounded: at most VALUES_MAX numbers are kept; series past it are counted, not kept.
import type { Labels } from './labels';

export interface FrameSeries {
  readonly labels: Labels;
  readonly values: Float64Array; // one per frame time, NaN where absent
  readonly min: number; // NaN when the series has no finite sample, as are max, mean and last
  readonly max: number;
  readonly mean: number;
  readonly last: number;
}

export interface Frame {
  readonly times: Float64Array; // seconds since the epoch, ascending, evenly spaced
  readonly series: readonly FrameSeries[];
  readonly seriesCount: number; // in the answer; more than series.length when the bound was reached
  readonly sampleCount: number;
  readonly histogramCount: number; // series that hold native histograms only and are not drawn
}

export interface Grid {
  readonly startMs: number;
  readonly endMs: number;
  readonly stepMs: number;
}

export interface MatrixRow {
  readonly metric: Labels;
  readonly values?: readonly (readonly [number, string])[];
  readonly histograms?: readonly unknown[];
}

// 4 Mi values are 32 MiB: 11,000 points of 380 series, or 300 points of 14,000.
export const VALUES_MAX = 4 << 20;

export function parseSampleValue(text: string): number {
  switch (text) {
    case '+Inf':
    case 'Inf':
      return Infinity;
    case '-Inf':
      return -Infinity;
    default:
      return Number(text); // 'NaN' included
  }
}

export function gridTimes(grid: Grid): Float64Array {
  const count = Math.floor((grid.endMs - grid.startMs) / grid.stepMs) + 1;
  return Float64Array.from({ length: count }, (_, i) => (grid.startMs + i * grid.stepMs) / 1000);
}

function summarize(values: Float64Array): Pick<FrameSeries, 'min' | 'max' | 'mean' | 'last'> {
  let min = Infinity;
  let max = -Infinity;
  let sum = 0;
  let count = 0;
  let last = NaN;
  for (const v of values) {
    if (Number.isNaN(v)) continue;
    last = v;
    if (!Number.isFinite(v)) continue;
    if (v < min) min = v;
    if (v > max) max = v;
    sum += v;
    count += 1;
  }
  return count === 0 ? { min: NaN, max: NaN, mean: NaN, last } : { min, max, mean: sum / count, last };
}

// `rows` is `data.result` of a matrix. Samples off the grid are put at the nearest step.
export function toFrame(rows: readonly MatrixRow[], grid: Grid, valuesMax = VALUES_MAX): Frame {
  const times = gridTimes(grid);
  const steps = times.length;
  const floats = rows.filter((row) => (row.values?.length ?? 0) > 0);
  const kept = Math.min(floats.length, Math.floor(valuesMax / Math.max(steps, 1)));
  const columns = new Float64Array(kept * steps).fill(NaN);
  let sampleCount = 0;
  for (const row of floats) sampleCount += row.values?.length ?? 0;
  const series = floats.slice(0, kept).map((row, i): FrameSeries => {
    const values = columns.subarray(i * steps, (i + 1) * steps);
    for (const [time, text] of row.values ?? []) {
      const slot = Math.round((time * 1000 - grid.startMs) / grid.stepMs);
      if (slot >= 0 && slot < steps) values[slot] = parseSampleValue(text);
    }
    return { labels: row.metric, values, ...summarize(values) };
  });
  const histogramCount = rows.filter(
    (row) => (row.values?.length ?? 0) === 0 && (row.histograms?.length ?? 0) > 0,
  ).length;
  return { times, series, seriesCount: floats.length, sampleCount, histogramCount };
}

// Indexes of the at most `count` series to draw, in the frame's order: those with the highest peaks,
// since a graph of thousands is read for its outliers.
export function pickDrawn(series: readonly FrameSeries[], count: number): number[] {
  const all = series.map((_, i) => i);
  if (series.length <= count) return all;
  const peak = (i: number): number => {
    const s = series[i];
    return s === undefined || Number.isNaN(s.max) ? -Infinity : s.max;
  };
  return all
    .toSorted((a, b) => peak(b) - peak(a))
    .slice(0, count)
    .toSorted((a, b) => a - b);
}

// Running sums, series by series, for a stacked graph: column i is the top of layer i. An absent sample
// adds nothing; a step at which no series has a sample stays NaN.
export function stackColumns(columns: readonly Float64Array[]): Float64Array[] {
  const steps = columns[0]?.length ?? 0;
  const sum = new Float64Array(steps);
  const seen = new Uint8Array(steps);
  for (const column of columns)
    column.forEach((v, i) => {
      if (Number.isFinite(v)) seen[i] = 1;
    });
  return columns.map((column) => {
    for (let i = 0; i < steps; i += 1) {
      const v = column[i] ?? NaN;
      if (Number.isFinite(v)) sum[i] = (sum[i] ?? 0) + v;
    }
    return sum.map((v, i) => (seen[i] === 1 ? v : NaN));
  });
}

// The least and the greatest finite value; undefined when there is none.
export function extent(columns: readonly Float64Array[]): readonly [number, number] | undefined {
  let min = Infinity;
  let max = -Infinity;
  for (const column of columns) {
    for (const v of column) {
      if (!Number.isFinite(v)) continue;
      if (v < min) min = v;
      if (v > max) max = v;
    }
  }
  return min <= max ? [min, max] : undefined;
}

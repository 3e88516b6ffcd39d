// How a column becomes a line on the canvas. Ours instead of uPlot's builders, because absence is NaN in a
// Float64Array (uPlot's gaps are null, which only boxed arrays have), and stacked layers have two edges.
import type uPlot from 'uplot';

type Plot = Pick<uPlot, 'data' | 'scales' | 'valToPos'>;

// Value → pixel along one axis. The scales are linear, so the pixels of their two ends give all others: a graph
// of 1,000 series asks half a million times.
function linear(plot: Plot, scale: 'x' | 'y'): (value: number) => number {
  const min = plot.scales[scale]?.min ?? 0;
  const max = plot.scales[scale]?.max ?? 1;
  const base = plot.valToPos(min, scale, true);
  const slope = (plot.valToPos(max, scale, true) - base) / (max - min);
  return (value) => base + (value - min) * slope;
}

// The line of series `index`. A sample with no neighbour becomes a short dash, or nobody would see it.
export function linePath(plot: Plot, index: number, from: number, to: number): Path2D {
  const xs = plot.data[0];
  const ys = plot.data[index] as Float64Array;
  const x = linear(plot, 'x');
  const y = linear(plot, 'y');
  const path = new Path2D();
  let drawing = false;
  for (let i = from; i <= to; i += 1) {
    const value = ys[i] ?? NaN;
    if (!Number.isFinite(value)) {
      drawing = false;
      continue;
    }
    const px = x(xs[i] ?? 0);
    const py = y(value);
    if (drawing) {
      path.lineTo(px, py);
    } else if (Number.isFinite(ys[i + 1] ?? NaN)) {
      path.moveTo(px, py);
    } else {
      path.moveTo(px - 1.5, py);
      path.lineTo(px + 1.5, py);
    }
    drawing = true;
  }
  return path;
}

// The area between the layer and the one below it (the zero line for the first), run by run.
export function areaPath(plot: Plot, index: number, from: number, to: number, stacked: boolean): Path2D {
  const xs = plot.data[0];
  const tops = plot.data[index] as Float64Array;
  const bottoms = stacked && index > 1 ? (plot.data[index - 1] as Float64Array) : undefined;
  const path = new Path2D();
  const y = linear(plot, 'y');
  const along = linear(plot, 'x');
  const x = (i: number): number => along(xs[i] ?? 0);
  let i = from;
  while (i <= to) {
    if (!Number.isFinite(tops[i] ?? NaN)) {
      i += 1;
      continue;
    }
    const start = i;
    path.moveTo(x(i), y(tops[i] ?? 0));
    while (i <= to && Number.isFinite(tops[i] ?? NaN)) {
      path.lineTo(x(i), y(tops[i] ?? 0));
      i += 1;
    }
    for (let back = i - 1; back >= start; back -= 1) path.lineTo(x(back), y(bottoms?.[back] ?? 0));
    path.closePath();
  }
  return path;
}

// The index (from 0) of the column whose value at step `at` is nearest to `value`; -1 when none has one.
export function nearestColumn(columns: readonly Float64Array[], at: number, value: number): number {
  let best = -1;
  let distance = Infinity;
  columns.forEach((column, i) => {
    const away = Math.abs((column[at] ?? NaN) - value);
    if (away < distance) {
      distance = away;
      best = i;
    }
  });
  return best;
}

// Of stacked layers, the one whose area holds `value`: the lowest top above it.
export function layerAt(tops: readonly Float64Array[], at: number, value: number): number {
  const found = tops.findIndex((top) => (top[at] ?? NaN) >= value);
  return found === -1 ? nearestColumn(tops, at, value) : found;
}

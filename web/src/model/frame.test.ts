import { describe, expect, it } from 'vitest';
import { extent, pickDrawn, stackColumns, toFrame, type MatrixRow } from './frame';

const GRID = { startMs: 10_000, endMs: 30_000, stepMs: 10_000 };

function row(name: string, ...values: [number, string][]): MatrixRow {
  return { metric: { __name__: name }, values };
}

describe('toFrame', () => {
  it('puts samples on the grid and NaN where there is none', () => {
    const frame = toFrame([row('a', [10, '1'], [30, '+Inf']), row('b', [20, 'NaN'])], GRID);
    expect([...frame.times]).toEqual([10, 20, 30]);
    expect(frame.series.map((series) => [...series.values])).toEqual([
      [1, Number.NaN, Infinity],
      [Number.NaN, Number.NaN, Number.NaN],
    ]);
    expect(frame).toMatchObject({ seriesCount: 2, sampleCount: 3, histogramCount: 0 });
  });

  it('summarizes finite samples', () => {
    const [series] = toFrame([row('a', [10, '1'], [20, '4'], [30, '-Inf'])], GRID).series;
    expect(series).toMatchObject({ min: 1, max: 4, mean: 2.5, last: -Infinity });
  });

  it('drops samples off the range and rounds those off the grid', () => {
    const [series] = toFrame([row('a', [0, '1'], [20.004, '2'], [40, '3'])], GRID).series;
    expect([...(series?.values ?? [])]).toEqual([Number.NaN, 2, Number.NaN]);
  });

  it('keeps a bounded number of values and counts the rest', () => {
    const rows = Array.from({ length: 10 }, (_, i) => row(`m${i}`, [10, '1']));
    const frame = toFrame(rows, GRID, 7);
    expect(frame.series).toHaveLength(2);
    expect(frame.seriesCount).toBe(10);
  });

  it('counts histogram series apart', () => {
    const frame = toFrame([{ metric: {}, histograms: [[10, {}]] }], GRID);
    expect(frame).toMatchObject({ seriesCount: 0, histogramCount: 1 });
  });

  it('shares one buffer', () => {
    const { series } = toFrame([row('a', [10, '1']), row('b', [10, '1'])], GRID);
    expect(series[0]?.values.buffer).toBe(series[1]?.values.buffer);
  });
});

describe('pickDrawn', () => {
  it('takes the highest peaks in the order of the answer', () => {
    const rows = [5, 1, 9, 7].map((peak, i) => row(`m${i}`, [10, String(peak)]));
    expect(pickDrawn(toFrame(rows, GRID).series, 2)).toEqual([2, 3]);
    expect(pickDrawn(toFrame(rows, GRID).series, 4)).toEqual([0, 1, 2, 3]);
  });
});

describe('stackColumns', () => {
  it('sums, skips what is absent, and keeps the gaps that all share', () => {
    const nan = Number.NaN;
    const stacked = stackColumns([Float64Array.of(1, nan, nan), Float64Array.of(2, 3, nan)]);
    expect(stacked.map((column) => [...column])).toEqual([
      [1, 0, nan],
      [3, 3, nan],
    ]);
  });

  it('takes nothing', () => {
    expect(stackColumns([])).toEqual([]);
  });
});

describe('extent', () => {
  it('passes over what is not finite', () => {
    expect(extent([Float64Array.of(Number.NaN, 2, Infinity), Float64Array.of(-1)])).toEqual([-1, 2]);
    expect(extent([Float64Array.of(Number.NaN)])).toBeUndefined();
  });
});

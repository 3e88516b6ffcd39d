import { describe, expect, it } from 'vitest';
import { layerAt, nearestColumn } from './paths';
import { formatTimeAxis } from './time_axis';

const NOON = Date.UTC(2026, 10, 22, 12) / 1000;
const MIDNIGHT = Date.UTC(2026, 10, 22) / 1000;

describe('formatTimeAxis', () => {
  it.each<[string, number[], number, string[]]>([
    ['minutes', [NOON, NOON + 300], 300, ['12:00', '12:05']],
    ['seconds', [NOON, NOON + 15], 15, ['12:00:00', '12:00:15']],
    ['midnight is a date', [MIDNIGHT - 3600, MIDNIGHT], 3600, ['23:00', 'Nov 22']],
    ['days', [MIDNIGHT, MIDNIGHT + 86_400], 86_400, ['Nov 22', 'Nov 23']],
    ['months', [MIDNIGHT], 30 * 86_400, ['Nov 2026']],
    ['milliseconds', [NOON + 0.25], 0.25, ['00:00.250']],
  ])('%s', (_, splits, increment, want) => {
    expect(formatTimeAxis(splits, increment, 'utc')).toEqual(want);
  });
});

describe('pointing', () => {
  const columns = [Float64Array.of(1, Number.NaN), Float64Array.of(5, 2), Float64Array.of(9, Number.NaN)];

  it('finds the nearest line', () => {
    expect(nearestColumn(columns, 0, 6)).toBe(1);
    expect(nearestColumn(columns, 1, 100)).toBe(1);
    expect(nearestColumn([], 0, 1)).toBe(-1);
  });

  it('finds the layer that holds the pointer', () => {
    expect(layerAt(columns, 0, 0.5)).toBe(0);
    expect(layerAt(columns, 0, 6)).toBe(2);
    expect(layerAt(columns, 0, 100)).toBe(2);
  });
});

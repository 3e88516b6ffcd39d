import { describe, expect, it } from 'vitest';
import {
  absoluteRange,
  alignToStep,
  autoStep,
  describeAge,
  describeRange,
  formatDateTime,
  formatDuration,
  pan,
  parseDateTime,
  parseDuration,
  parseInstant,
  resolveRange,
  zoomOut,
} from './time';

const NOW = Date.UTC(2026, 10, 22, 10, 5, 7);
const HOUR = 3_600_000;

describe('parseDuration', () => {
  it.each([
    ['0', 0],
    ['1h30m', 5_400_000],
    ['1d', 86_400_000],
    ['15s', 15_000],
    ['1m500ms', 60_500],
    ['1y', 31_536_000_000],
    [' 5m ', 300_000],
    ['', undefined],
    ['5', undefined],
    ['30m1h', undefined], // units descend
    ['-5m', undefined],
    ['1.5h', undefined],
    ['9'.repeat(20) + 'y', undefined],
  ])('%s', (text, want) => {
    expect(parseDuration(text)).toBe(want);
  });
});

describe('formatDuration', () => {
  it.each([
    [5_400_000, '1h30m'],
    [15_000, '15s'],
    [7 * 86_400_000, '1w'],
    [8 * 86_400_000, '8d'],
    [250, '250ms'],
    [0, '0s'],
    [-1, '0s'],
    [Number.NaN, '0s'],
  ])('%d', (ms, want) => {
    expect(formatDuration(ms)).toBe(want);
  });
});

describe('parseInstant', () => {
  it.each([
    ['now', NOW],
    ['now-1h', NOW - HOUR],
    ['now+5m', NOW + 300_000],
    ['2026-11-22T10:00:00Z', Date.UTC(2026, 10, 22, 10)],
    ['2026-11-22 10:00:00', Date.UTC(2026, 10, 22, 10)], // UTC when no zone is named
    ['2026-11-22', Date.UTC(2026, 10, 22)],
    ['2026-11-22T11:00:00+01:00', Date.UTC(2026, 10, 22, 10)],
    ['1700000000', 1_700_000_000_000],
    ['1700000000.5', 1_700_000_000_500],
    ['now-', undefined],
    ['now-5', undefined],
    ['yesterday', undefined],
    ['2026-13-45', undefined],
  ])('%s', (text, want) => {
    expect(parseInstant(text, NOW)).toBe(want);
  });
});

describe('ranges', () => {
  it('resolves and refuses what has no width', () => {
    expect(resolveRange({ from: 'now-1h', to: 'now' }, NOW)).toEqual({ startMs: NOW - HOUR, endMs: NOW });
    expect(resolveRange({ from: 'now', to: 'now-1h' }, NOW)).toBeUndefined();
    expect(resolveRange({ from: 'now', to: 'now' }, NOW)).toBeUndefined();
    expect(resolveRange({ from: 'x', to: 'now' }, NOW)).toBeUndefined();
  });

  it.each([
    [300_000, 1000],
    [HOUR, 15_000],
    [24 * HOUR, 300_000],
    [7 * 24 * HOUR, 3_600_000],
    [365 * 24 * HOUR, 2 * 86_400_000],
    [1, 1000],
  ])('takes a round step for %d ms', (width, want) => {
    expect(autoStep({ startMs: NOW - width, endMs: NOW })).toBe(want);
  });

  it('aligns the end and keeps whole steps', () => {
    const grid = alignToStep({ startMs: NOW - HOUR, endMs: NOW }, 15_000);
    expect(grid.endMs % 15_000).toBe(0);
    expect(grid.endMs).toBeLessThanOrEqual(NOW);
    expect((grid.endMs - grid.startMs) % 15_000).toBe(0);
    expect(grid.startMs).toBeGreaterThanOrEqual(NOW - HOUR);
  });

  it('keeps the newest minute with long steps', () => {
    expect(alignToStep({ startMs: NOW - 30 * 24 * HOUR, endMs: NOW }, 3 * HOUR).endMs).toBeGreaterThan(NOW - 60_000);
  });

  it('zooms out around the middle, not into the future', () => {
    expect(zoomOut({ startMs: NOW - HOUR, endMs: NOW }, NOW)).toEqual({ startMs: NOW - 2 * HOUR, endMs: NOW });
    const past = zoomOut({ startMs: NOW - 10 * HOUR, endMs: NOW - 8 * HOUR }, NOW);
    expect(past).toEqual({ startMs: NOW - 11 * HOUR, endMs: NOW - 7 * HOUR });
  });

  it('pans by half', () => {
    expect(pan({ startMs: 0, endMs: 100 }, 1)).toEqual({ startMs: 50, endMs: 150 });
    expect(pan({ startMs: 0, endMs: 100 }, -1)).toEqual({ startMs: -50, endMs: 50 });
  });

  it('is described by its preset or its times', () => {
    expect(describeRange({ from: 'now-1h', to: 'now' }, 'utc')).toBe('Last 1 hour');
    expect(describeRange({ from: 'now-90m', to: 'now' }, 'utc')).toBe('Last 90 minutes');
    expect(describeRange({ from: 'now-1h30m', to: 'now' }, 'utc')).toBe('Last 1h30m');
    expect(describeRange({ from: 'now-1w', to: 'now' }, 'utc')).toBe('Last 1 week');
    const day = absoluteRange(Date.UTC(2026, 0, 2, 3, 4, 5), Date.UTC(2026, 0, 2, 4, 4, 5));
    expect(describeRange(day, 'utc')).toBe('2026-01-02 03:04:05 – 04:04:05');
  });
});

describe('date texts', () => {
  it('round trip in both zones', () => {
    for (const zone of ['utc', 'local'] as const) {
      expect(parseDateTime(formatDateTime(NOW, zone), zone)).toBe(NOW);
    }
    expect(formatDateTime(NOW + 42, 'utc', true)).toBe('2026-11-22 10:05:07.042');
  });

  it.each(['', '2026-1-1', '2026-13-01 00:00', '2026-01-01 25:00', 'soon'])('refuses %s', (text) => {
    expect(parseDateTime(text, 'utc')).toBeUndefined();
  });

  it.each([
    [NOW, 'now'],
    [NOW - 3000, '3 s ago'],
    [NOW - 5 * 60_000, '5 min ago'],
    [NOW - 5 * HOUR, '5 h ago'],
    [NOW - 5 * 24 * HOUR, '5 d ago'],
    [NOW + 30_000, 'in 30 s'],
  ])('age of %d', (then, want) => {
    expect(describeAge(then, NOW)).toBe(want);
  });
});

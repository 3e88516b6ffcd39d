// The small ones: labels, error positions, tables, targets, status, time axis.
import { describe, expect, it } from 'vitest';
import type { ActiveTarget } from './answers';
import { errorPosition } from './error_position';
import { seriesName, shortNames, splitShared } from './labels';
import { isShown, nameOfKey, showStatusValue, yamlParts } from './status';
import { sortRows, toTable, toTsv } from './table';
import { groupPools, matchesTarget } from './targets';

describe('seriesName', () => {
  it.each([
    [{ __name__: 'up' }, 'up'],
    [{ __name__: 'up', job: 'a', instance: 'b' }, 'up{instance="b", job="a"}'],
    [{ job: 'a"\\\n' }, '{job="a\\"\\\\\\n"}'],
    [{ __name__: 'http.requests', 'a.b': 'c' }, '{"http.requests", "a.b"="c"}'],
    [{}, '{}'],
  ])('%j', (labels, want) => {
    expect(seriesName(labels)).toBe(want);
  });
});

describe('splitShared', () => {
  it('tells what all have from what distinguishes', () => {
    const sets = [
      { __name__: 'm', job: 'a', cpu: '0' },
      { __name__: 'm', job: 'a', cpu: '1', mode: 'x' },
    ];
    const { shared, names } = splitShared(sets);
    expect(shared).toEqual({ __name__: 'm', job: 'a' });
    expect(names).toEqual(['cpu', 'mode']);
    expect(shortNames(sets, shared)).toEqual(['{cpu="0"}', '{cpu="1", mode="x"}']);
    expect(shortNames([{}], {})).toEqual(['value']);
  });
});

describe('errorPosition', () => {
  it.each([
    ['1:5: parse error: unexpected "["', 'rate[', { line: 1, column: 5, offset: 4 }],
    ['invalid parameter "query": 2:3: parse error: x', 'sum(\n  a', { line: 2, column: 3, offset: 7 }],
    ['1:9: parse error: end', 'sum(a', { line: 1, column: 9, offset: 5 }], // past the end
    ['1:6: parse error', '"ä" ]', { line: 1, column: 6, offset: 4 }], // columns are bytes
    ['3:1: parse error', 'a', undefined],
    ['expanding series: out of memory', 'a', undefined],
    ['at 12:30 o’clock', 'a', undefined],
  ])('%s', (message, text, want) => {
    expect(errorPosition(message, text)).toEqual(want);
  });
});

describe('toTable', () => {
  const vector = {
    resultType: 'vector',
    result: [
      { metric: { __name__: 'up', job: 'a', i: '10' }, value: [5, '1'] },
      { metric: { __name__: 'up', job: 'a', i: '9' }, value: [5, 'NaN'] },
      { metric: { __name__: 'up', job: 'a', i: '11' }, value: [5, '0.5'] },
    ],
  } as const;

  it('has a column per label that differs', () => {
    const table = toTable(vector);
    expect(table).toMatchObject({ columns: ['i'], shared: { __name__: 'up', job: 'a' }, rowCount: 3 });
  });

  it('bounds the rows', () => {
    expect(toTable(vector, 2)).toMatchObject({ rows: { length: 2 }, rowCount: 3 });
  });

  it('sorts by value, NaN last, and by label as numbers', () => {
    const { rows } = toTable(vector);
    const by = (column: string | null, descending: boolean): (string | undefined)[] =>
      sortRows(rows, { column, descending }).map((row) => row.labels['i']);
    expect(by(null, true)).toEqual(['10', '11', '9']);
    expect(by(null, false)).toEqual(['11', '10', '9']);
    expect(by('i', false)).toEqual(['9', '10', '11']);
    expect(sortRows(rows, null)).toEqual(rows);
  });

  it('shows every kind of answer', () => {
    expect(toTable({ resultType: 'scalar', result: [1, '2'] }).rows[0]).toMatchObject({ text: '2', value: 2 });
    expect(toTable({ resultType: 'string', result: [1, 'x'] }).rows[0]).toMatchObject({ text: 'x' });
    const matrix = toTable({
      resultType: 'matrix',
      result: [
        {
          metric: {},
          values: [
            [1, '2'],
            [2, '3'],
          ],
        },
      ],
    });
    expect(matrix.rows.map((row) => row.time)).toEqual([1, 2]);
    const histogram = toTable({
      resultType: 'vector',
      result: [{ metric: {}, histogram: [1, { count: '3', sum: '9' }] }],
    });
    expect(histogram.rows[0]?.text).toBe('histogram, count 3, sum 9');
  });

  it('copies as tab-separated text', () => {
    expect(toTsv(toTable(vector)).split('\n')[1]).toBe('up{i="10", job="a"}\t1\t5');
  });
});

describe('targets', () => {
  const target = (pool: string, health: ActiveTarget['health'], error = ''): ActiveTarget => ({
    discoveredLabels: {},
    labels: { job: pool, instance: 'host:9100' },
    scrapePool: pool,
    scrapeUrl: `http://host:9100/${pool}`,
    lastError: error,
    lastScrape: '',
    lastScrapeDuration: 0,
    health,
  });

  it.each([
    ['', 'any', true],
    ['HOST node', 'any', true],
    ['job="node"', 'any', true],
    ['job=node', 'any', true],
    ['refused', 'any', true],
    ['elsewhere', 'any', false],
    ['', 'up', false],
    ['', 'down', true],
  ] as const)('filter "%s" %s', (text, health, want) => {
    expect(matchesTarget(target('node', 'down', 'connection refused'), { text, health })).toBe(want);
  });

  it('are grouped by pool, empty pools included until a filter is set', () => {
    const targets = [target('b', 'up'), target('a', 'down'), target('b', 'down')];
    const pools = groupPools(targets, ['a', 'b', 'empty'], { text: '', health: 'any' });
    expect(pools.map(({ name, up, total }) => [name, up, total])).toEqual([
      ['a', 0, 1],
      ['b', 1, 2],
      ['empty', 0, 0],
    ]);
    const down = groupPools(targets, ['empty'], { text: '', health: 'down' });
    expect(down.map(({ name, targets: list }) => [name, list.length])).toEqual([
      ['a', 1],
      ['b', 1],
    ]);
  });
});

describe('status', () => {
  it.each([
    ['startTime', 'Start time'],
    ['reloadConfigSuccess', 'Last reload'],
    ['version', 'Version'],
    ['goVersion', 'Compiler'],
    ['walReplay', 'Wal replay'],
  ])('names %s', (key, want) => {
    expect(nameOfKey(key)).toBe(want);
  });

  it('leaves out what is empty or of Go alone', () => {
    expect(isShown('branch', '')).toBe(false);
    expect(isShown('goroutineCount', 0)).toBe(false);
    expect(isShown('corruptionCount', 0)).toBe(true);
  });

  it('shows values', () => {
    const now = Date.UTC(2026, 0, 1, 0, 1);
    expect(showStatusValue('startTime', '2026-01-01T00:00:00Z', 'utc', now)).toBe('2026-01-01 00:00:00 (60 s ago)');
    expect(showStatusValue('reloadConfigSuccess', false, 'utc')).toBe('failed');
    expect(showStatusValue('chunks', 12345, 'utc')).toBe('12,345');
  });

  it.each([
    ['  - job_name: "a: b" # x', ['text:  - ', 'key:job_name:', 'text: ', 'string:"a: b"', 'text: # x']],
    ['# remark', ['comment:# remark']],
    ['  http://host:9090', ['text:  http://host:9090']],
    ["key: 'it''s'", ['key:key:', 'text: ', "string:'it''s'"]],
    ['', []],
  ])('colours %s', (line, want) => {
    expect(yamlParts(line).map((part) => `${part.kind}:${part.text}`)).toEqual(want);
  });
});

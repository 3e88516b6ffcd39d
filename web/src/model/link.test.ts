import { describe, expect, it } from 'vitest';
import { EMPTY_QUERY, emptyView, formatView, fromPrometheusLink, parseView, type ExploreView } from './link';

const FULL: ExploreView = {
  queries: [
    { expr: 'rate(a{b="c&d=#"}[5m])', title: 'A & B', tab: 'table', disabled: true, stacked: true, unit: 'bytes/s' },
    { ...EMPTY_QUERY, expr: 'up' },
  ],
  range: { from: '2026-01-01T00:00:00.000Z', to: '2026-01-02T00:00:00.000Z' },
  step: '15s',
  refresh: '10s',
  zone: 'utc',
  layout: 'side',
};

describe('view and link', () => {
  it('round trip', () => {
    expect(parseView(new URLSearchParams(formatView(FULL).toString()), 'local')).toEqual(FULL);
  });

  it('leave out what is default', () => {
    expect(formatView(emptyView('local')).toString()).toBe('');
    expect(parseView(new URLSearchParams(''), 'utc')).toEqual(emptyView('utc'));
  });

  it('keep an empty query among others', () => {
    const view = { ...FULL, queries: [EMPTY_QUERY, EMPTY_QUERY] };
    expect(parseView(formatView(view), 'local').queries).toHaveLength(2);
  });

  it.each([
    ['step=-5s', 'step', 'auto'],
    ['step=x', 'step', 'auto'],
    ['refresh=0', 'refresh', ''],
    ['layout=diagonal', 'layout', 'list'],
    ['tz=mars', 'zone', 'local'],
  ] as const)('pass over %s', (search, key, want) => {
    expect(parseView(new URLSearchParams(search), 'local')[key]).toBe(want);
  });

  it('fall back to the default range', () => {
    expect(parseView(new URLSearchParams('from=x&to=now'), 'local').range).toEqual({ from: 'now-1h', to: 'now' });
  });

  it('bound the number of queries', () => {
    const search = new URLSearchParams();
    for (let i = 1; i <= 200; i += 1) search.set(`q${i}`, 'up');
    expect(parseView(search, 'local').queries).toHaveLength(50);
  });
});

describe("Prometheus' links", () => {
  it('are read', () => {
    const search = new URLSearchParams(
      'g0.expr=up&g0.tab=0&g0.stacked=1&g0.range_input=2h&g0.step_input=30&g1.expr=rate(x%5B5m%5D)&g1.tab=1',
    );
    expect(fromPrometheusLink(search)).toMatchObject({
      queries: [
        { expr: 'up', tab: 'graph', stacked: true },
        { expr: 'rate(x[5m])', tab: 'table', stacked: false },
      ],
      range: { from: 'now-2h', to: 'now' },
      step: '30s',
    });
  });

  it('have an end', () => {
    const search = new URLSearchParams('g0.expr=up&g0.range_input=1h&g0.end_input=2026-01-01%2001:00:00');
    expect(fromPrometheusLink(search)?.range).toEqual({
      from: '2026-01-01T00:00:00.000Z',
      to: '2026-01-01T01:00:00.000Z',
    });
  });

  it('need a query', () => {
    expect(fromPrometheusLink(new URLSearchParams('q1=up'))).toBeUndefined();
  });
});

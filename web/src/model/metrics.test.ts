import { describe, expect, it } from 'vitest';
import { queryFor, searchMetrics } from './metrics';

const METADATA = {
  up: [{ type: 'gauge', help: 'Whether the target answered', unit: '' }],
  requests: [{ type: 'counter', help: 'Requests served', unit: '' }],
  latency_seconds: [{ type: 'histogram', help: 'How long requests take', unit: 'seconds' }],
};
const NAMES = ['latency_seconds_bucket', 'latency_seconds_count', 'requests_total', 'up', 'a.b'];

describe('searchMetrics', () => {
  it.each([
    ['', NAMES],
    ['req', ['requests_total', 'latency_seconds_bucket', 'latency_seconds_count']],
    ['histogram count', ['latency_seconds_count']],
    ['ANSWERED', ['up']],
    ['nothing', []],
  ])('"%s"', (text, want) => {
    expect(searchMetrics(NAMES, METADATA, text).map((entry) => entry.name)).toEqual(want);
  });
});

describe('queryFor', () => {
  it.each([
    ['latency_seconds_bucket', 'histogram_quantile(0.95, sum by (le) (rate(latency_seconds_bucket[5m])))'],
    ['latency_seconds_count', 'rate(latency_seconds_count[5m])'],
    ['requests_total', 'rate(requests_total[5m])'],
    ['up', 'up'],
    ['a.b', '{"a.b"}'],
  ])('%s', (name, want) => {
    const [entry] = searchMetrics([name], METADATA, '');
    expect(entry && queryFor(entry)).toBe(want);
  });
});

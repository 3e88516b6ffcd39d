import { describe, expect, it } from 'vitest';
import { splitQueries } from './promql_split';
import { metricNames, unitOfQuery } from './promql_unit';
import type { Unit } from './units';

const FENCE = `\`\`\`prometheus
# CPU Usage
rate(process_cpu_seconds_total[5m])

# Network Traffic
rate(node_network_transmit_bytes_total[5m])
rate(node_network_receive_bytes_total[5m])

# Latency
histogram_quantile(0.95,
  sum(rate(http_request_duration_seconds_bucket[5m])) by (le)
)
\`\`\``;

describe('splitQueries', () => {
  it('splits a fence into titled queries', () => {
    expect(splitQueries(FENCE)).toEqual([
      { title: 'CPU Usage', expr: 'rate(process_cpu_seconds_total[5m])' },
      { title: 'Network Traffic', expr: 'rate(node_network_transmit_bytes_total[5m])' },
      { title: 'Network Traffic (2)', expr: 'rate(node_network_receive_bytes_total[5m])' },
      {
        title: 'Latency',
        expr: 'histogram_quantile(0.95,\n  sum(rate(http_request_duration_seconds_bucket[5m])) by (le)\n)',
      },
    ]);
  });

  it.each<[string, string, string[]]>([
    ['one query is one', 'up', ['up']],
    ['an operator joins lines', 'sum(a)\n/ sum(b)', ['sum(a)\n/ sum(b)']],
    ['also at the end of a line', 'sum(a) /\nsum(b)', ['sum(a) /\nsum(b)']],
    ['a modifier joins lines', 'sum(a)\nby (job)', ['sum(a)\nby (job)']],
    ['a blank line separates', 'a\n\nb', ['a', 'b']],
    ['# in a string is text', 'a{x="# no title"}\nb{y=\'#\'}', ['a{x="# no title"}', "b{y='#'}"]],
    ['# in a raw string over lines is text', 'a{x=`\n# no title\n`}', ['a{x=`\n# no title\n`}']],
    ['a remark behind code stays', 'a # why\nb', ['a # why', 'b']],
    ['a remark inside a query stays out', 'sum(\n# why\na)', ['sum(\na)']],
    ['escaped quotes', 'a{x="\\"#"}\nb', ['a{x="\\"#"}', 'b']],
    ['windows lines', 'a\r\n\r\nb', ['a', 'b']],
    ['broken text is one query', 'sum(\nb', ['sum(\nb']],
    ['nothing', '\n# only a title\n', []],
  ])('%s', (_, text, want) => {
    expect(splitQueries(text).map((query) => query.expr)).toEqual(want);
  });

  it('leaves long text alone', () => {
    const text = 'up\n\n'.repeat(10_000);
    expect(splitQueries(text)).toHaveLength(1);
  });
});

describe('unitOfQuery', () => {
  it.each<[string, Unit]>([
    ['process_resident_memory_bytes', 'bytes'],
    ['process_resident_memory_bytes{job="a"}', 'bytes'],
    ['rate(node_network_transmit_bytes_total[5m])', 'bytes/s'],
    ['rate(node_network_transmit_bytes_total[5m]) * 8', 'bits/s'],
    ['rate(http_requests_total[5m])', 'per-second'],
    ['sum by (job) (rate(http_requests_total[5m]))', 'per-second'],
    ['rate(process_cpu_seconds_total[5m])', 'none'],
    ['increase(node_network_transmit_bytes_total[1h])', 'bytes'],
    ['histogram_quantile(0.95, sum(rate(http_request_duration_seconds_bucket[5m])) by (le))', 'seconds'],
    ['rate(a_seconds_sum[5m]) / rate(a_seconds_count[5m])', 'seconds'],
    ['node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes', 'ratio'],
    ['100 * node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes', 'percent'],
    ['sum(rate(errors_total[5m])) / sum(rate(requests_total[5m]))', 'ratio'],
    ['100 * up', 'none'],
    ['100 * (node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes)', 'percent'],
    ['1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes', 'ratio'],
    ['(process_resident_memory_bytes)', 'bytes'],
    ['-process_resident_memory_bytes', 'bytes'],
    ['process_resident_memory_bytes offset 5m', 'bytes'],
    ['topk(5, process_resident_memory_bytes)', 'bytes'],
    ['avg_over_time(process_resident_memory_bytes[5m])', 'bytes'],
    ['max_over_time(rate(a_bytes_total[1m])[5m:1m])', 'bytes/s'],
    ['quantile_over_time(0.9, a_seconds[5m])', 'seconds'],
    ['count(process_resident_memory_bytes)', 'none'],
    ['process_resident_memory_bytes > 1e6', 'bytes'],
    ['process_resident_memory_bytes > bool 1e6', 'none'],
    ['process_resident_memory_bytes / 1024', 'none'],
    ['time()', 'timestamp'],
    ['up', 'none'],
    ['sum(', 'none'],
    ['', 'none'],
  ])('%s is %s', (expr, want) => {
    expect(unitOfQuery(expr)).toBe(want);
  });

  it('asks the metadata it is given', () => {
    expect(unitOfQuery('rate(sent[5m])', () => 'bytes')).toBe('bytes/s');
  });
});

describe('metricNames', () => {
  it.each<[string, string[]]>([
    ['rate(a[5m]) / on (job) b', ['a', 'b']],
    ['a + a', ['a']],
    ['{job="x"}', []],
    ['sum by (c) (a)', ['a']],
    ['a +', ['a']],
  ])('%s', (expr, want) => {
    expect(metricNames(expr)).toEqual(want);
  });
});

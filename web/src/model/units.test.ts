import { describe, expect, it } from 'vitest';
import { formatAxis, formatValue, unitOfMetric, type Unit } from './units';

describe('unitOfMetric', () => {
  it.each<[string, Unit]>([
    ['process_resident_memory_bytes', 'bytes'],
    ['node_network_transmit_bytes_total', 'bytes'],
    ['http_request_duration_seconds_bucket', 'seconds'],
    ['http_request_duration_seconds_sum', 'seconds'],
    ['http_request_duration_seconds_count', 'none'],
    ['process_start_time_seconds', 'timestamp'],
    ['node_boot_time_seconds', 'timestamp'],
    ['queue_wait_time_seconds', 'seconds'],
    ['backup_last_success_timestamp_seconds', 'timestamp'],
    ['http_requests_total', 'none'],
    ['http_requests_created', 'timestamp'],
    ['cache_hit_ratio', 'ratio'],
    ['node_hwmon_temp_celsius', 'celsius'],
    ['bytes', 'bytes'],
    ['kilobytes', 'none'], // no word boundary
    ['up', 'none'],
  ])('%s is %s', (metric, want) => {
    expect(unitOfMetric(metric)).toBe(want);
  });
});

describe('formatValue', () => {
  it.each<[number, Unit, string]>([
    [0, 'none', '0'],
    [1, 'none', '1'],
    [1234, 'none', '1.234k'],
    [999_999, 'none', '1M'],
    [0.5, 'none', '0.5'],
    [0.000123456, 'none', '0.0001235'],
    [1e-9, 'none', '1e-9'],
    [-1500, 'none', '-1.5k'],
    [Number.NaN, 'none', 'NaN'],
    [Infinity, 'bytes', '+Inf'],
    [-Infinity, 'none', '-Inf'],
    [512, 'bytes', '512 B'],
    [1536, 'bytes', '1.5 KiB'],
    [1024 ** 3, 'bytes', '1 GiB'],
    [1024 * 1023.99, 'bytes', '1 MiB'],
    [2048, 'bytes/s', '2 KiB/s'],
    [0.0042, 'seconds', '4.2 ms'],
    [0.0000042, 'seconds', '4.2 µs'],
    [0, 'seconds', '0 s'],
    [90, 'seconds', '90 s'],
    [150, 'seconds', '2.5 min'],
    [86_400 * 3, 'seconds', '3 d'],
    [0.256, 'ratio', '25.6 %'],
    [99.5, 'percent', '99.5 %'],
    [12.5, 'per-second', '12.5/s'],
    [21.55, 'celsius', '21.55 °C'],
    [2500, 'watts', '2.5 kW'],
    [0.002, 'watts', '2 mW'],
    [1_700_000_000, 'timestamp', '2023-11-14 22:13:20Z'],
    [1e300, 'timestamp', '1e+300'],
  ])('%d %s', (value, unit, want) => {
    expect(formatValue(value, unit)).toBe(want);
  });

  it('keeps neighbours on an axis apart', () => {
    expect(formatAxis([1000, 2000, 3000], 'none')).toEqual(['1k', '2k', '3k']);
    expect(formatAxis([100_010, 100_020], 'none')).toEqual(['100.01k', '100.02k']);
    expect(formatAxis([22.25 * 2 ** 30, 22.5 * 2 ** 30], 'bytes')).toEqual(['22.25 GiB', '22.5 GiB']);
    expect(formatAxis([1 / 3, 2 / 3], 'none')).toEqual(['0.333', '0.667']);
    expect(formatAxis([0.1 + 0.2, 0.4], 'none')).toEqual(['0.3', '0.4']);
  });
});

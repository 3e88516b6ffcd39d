import { describe, expect, it } from 'vitest';
import {
  alertValue,
  countRules,
  filterGroups,
  formatSeconds,
  groupAlerts,
  joinAlerts,
  timeOf,
  urgencyOf,
  type ActiveAlert,
  type AlertingRule,
  type NotifiedAlert,
  type RecordingRule,
  type RuleGroup,
} from './alerting';

const BASE = { query: 'up == 0', health: 'ok', evaluationTime: 0.001, lastEvaluation: '2026-01-01T00:00:00Z' } as const;

function alert(labels: Record<string, string>, state: 'firing' | 'pending', activeAt = ''): ActiveAlert {
  return { labels, annotations: { summary: `about ${labels['job'] ?? ''}` }, state, activeAt, value: '1e+00' };
}

function alerting(name: string, state: AlertingRule['state'], more: Partial<AlertingRule> = {}): AlertingRule {
  const rest = { duration: 60, keepFiringFor: 0, annotations: {}, alerts: [] };
  return { ...BASE, ...rest, type: 'alerting', name, state, ...more };
}

function recording(name: string, more: Partial<RecordingRule> = {}): RecordingRule {
  return { ...BASE, type: 'recording', name, ...more };
}

function group(name: string, rules: RuleGroup['rules']): RuleGroup {
  return { name, file: `${name}.yml`, rules, interval: 15, limit: 0, evaluationTime: 0, lastEvaluation: '' };
}

const GROUPS = [
  group('web', [
    alerting('Down', 'firing', { alerts: [alert({ job: 'api' }, 'firing')], labels: { severity: 'critical' } }),
    alerting('Slow', 'inactive', { annotations: { summary: 'takes long' } }),
    recording('job:rate', { health: 'err', lastError: 'many-to-many matching' }),
  ]),
  group('empty', []),
  group('db', [alerting('Full', 'pending')]),
];

const names = (groups: readonly RuleGroup[]): string[] =>
  groups.flatMap((each) => [`${each.name}:`, ...each.rules.map((rule) => rule.name)]);

describe('filterGroups', () => {
  it.each([
    ['', 'any', ['web:', 'Down', 'Slow', 'job:rate', 'empty:', 'db:', 'Full']],
    ['', 'firing', ['web:', 'Down']],
    ['', 'pending', ['db:', 'Full']],
    ['', 'inactive', ['web:', 'Slow']],
    ['', 'failing', ['web:', 'job:rate']],
    ['', 'recording', ['web:', 'job:rate']],
    ['SEVERITY=critical', 'any', ['web:', 'Down']],
    ['job="api" down', 'any', ['web:', 'Down']],
    ['takes', 'any', ['web:', 'Slow']],
    ['many-to', 'any', ['web:', 'job:rate']],
    ['db.yml', 'any', ['db:', 'Full']],
    ['db.yml', 'firing', []],
  ] as const)('%j in state %s', (text, state, want) => {
    expect(names(filterGroups(GROUPS, { text, state }))).toEqual(want);
  });
});

describe('countRules and urgencyOf', () => {
  it('count rules, not alerts', () => {
    expect(countRules(GROUPS)).toEqual({ rules: 4, firing: 1, pending: 1, failing: 1 });
  });
  it('puts what fires and what fails first', () => {
    const rules = [
      recording('r'),
      alerting('i', 'inactive'),
      recording('e', { health: 'err' }),
      alerting('p', 'pending'),
    ];
    const all = [...rules, alerting('f', 'firing')];
    expect(all.toSorted((a, b) => urgencyOf(a) - urgencyOf(b)).map((rule) => rule.name)).toEqual([
      'f',
      'p',
      'e',
      'i',
      'r',
    ]);
  });
});

describe('alerts', () => {
  const silenced: NotifiedAlert = {
    labels: { alertname: 'Down', job: 'api', cluster: 'x' },
    annotations: {},
    startsAt: '',
    fingerprint: 'f1',
    receivers: [{ name: 'team' }],
    status: { state: 'suppressed', silencedBy: ['s1'], inhibitedBy: [] },
  };
  const active = [
    alert({ alertname: 'Slow', job: 'web' }, 'pending', '2026-01-01T00:00:00Z'),
    alert({ alertname: 'Down', job: 'web' }, 'firing', '2026-01-01T00:05:00Z'),
    alert({ alertname: 'Down', job: 'api' }, 'firing', '2026-01-01T00:01:00Z'),
  ];
  const joined = joinAlerts(active, [silenced]);

  it('know who notifies, in spite of external labels', () => {
    expect(joined.map((each) => each.notified?.fingerprint)).toEqual([undefined, undefined, 'f1']);
  });
  it('are grouped by name, what fires first and longest first', () => {
    const grouped = groupAlerts(joined, { text: '', state: 'any' });
    expect(grouped.map((each) => [each.name, each.alerts.map((one) => one.labels['job'])])).toEqual([
      ['Down', ['api', 'web']],
      ['Slow', ['web']],
    ]);
  });
  it.each([
    ['', 'suppressed', 1],
    ['', 'pending', 1],
    ['job=web', 'any', 2],
    ['about api', 'firing', 1],
    ['nothing', 'any', 0],
  ] as const)('filter by %j and %s', (text, state, want) => {
    const grouped = groupAlerts(joined, { text, state });
    expect(grouped.flatMap((each) => each.alerts).length).toBe(want);
  });
});

describe('small forms', () => {
  it.each([
    [0, '0s'],
    [90, '1m 30s'],
    [3600, '1h'],
    [90_061, '1d 1h 1m 1s'],
    [0.2, '0.2s'],
  ])('%d s is %s', (seconds, want) => expect(formatSeconds(seconds)).toBe(want));
  it('reads values and times', () => {
    expect([alertValue('1.5e+00'), alertValue('+Inf'), alertValue('NaN')]).toEqual([1.5, Infinity, NaN]);
    expect(timeOf('0001-01-01T00:00:00Z')).toBeUndefined();
    expect(timeOf(undefined)).toBeUndefined();
    expect(timeOf('1970-01-01T00:00:01Z')).toBe(1000);
  });
});

import { expect, test } from 'vitest';
import { describeSeconds, parseLabels } from './notifications';

test('labels are read as people type them', () => {
  expect(parseLabels('alertname=A severity=critical')).toEqual({ alertname: 'A', severity: 'critical' });
  expect(parseLabels('{alertname="A b", x="say \\"y\\""}')).toEqual({ alertname: 'A b', x: 'say "y"' });
  expect(parseLabels('a=1,\n b=2,')).toEqual({ a: '1', b: '2' });
});

test('what is no label is named', () => {
  expect(parseLabels('')).toMatch(/labels of an alert/);
  expect(parseLabels('alertname')).toMatch(/name="value": alertname/);
  expect(parseLabels('a=1 =2')).toMatch(/=2/);
});

test('seconds are whole units', () => {
  expect([30, 90, 300, 14_400, 86_400, 0.1].map(describeSeconds)).toEqual(['30s', '90s', '5m', '4h', '1d', '0.1s']);
});

// Rules, alerts and silences: the shapes of the server's answers (Prometheus' /api/v1, Alertmanager's /api/v2), and
// how they are filtered, counted and grouped.
import { sortedPairs, type Labels } from './labels';

export type AlertState = 'firing' | 'pending' | 'inactive' | 'unknown';
export type RuleHealth = 'ok' | 'err' | 'unknown' | 'no_data';

export interface ActiveAlert {
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly state: AlertState;
  readonly activeAt?: string;
  readonly value: string;
}

interface RuleBase {
  readonly name: string;
  readonly query: string;
  readonly labels?: Labels;
  readonly health: RuleHealth;
  readonly lastError?: string;
  readonly evaluationTime: number; // seconds
  readonly lastEvaluation: string;
}

export interface AlertingRule extends RuleBase {
  readonly type: 'alerting';
  readonly state: AlertState;
  readonly duration: number; // seconds
  readonly keepFiringFor: number; // seconds
  readonly annotations: Labels;
  readonly alerts: readonly ActiveAlert[];
}

export interface RecordingRule extends RuleBase {
  readonly type: 'recording';
}

export type Rule = AlertingRule | RecordingRule;

export interface RuleGroup {
  readonly name: string;
  readonly file: string;
  readonly rules: readonly Rule[];
  readonly interval: number; // seconds
  readonly limit: number;
  readonly evaluationTime: number; // seconds
  readonly lastEvaluation: string;
}

export interface RulesData {
  readonly groups: readonly RuleGroup[];
}

export interface AlertsData {
  readonly alerts: readonly ActiveAlert[];
}

export interface SilenceMatcher {
  readonly name: string;
  readonly value: string;
  readonly isRegex: boolean;
  readonly isEqual?: boolean; // absent: true, as before Alertmanager 0.22
}

export interface Silence {
  readonly id: string;
  readonly status: { readonly state: 'active' | 'pending' | 'expired' };
  readonly matchers: readonly SilenceMatcher[];
  readonly startsAt: string;
  readonly endsAt: string;
  readonly createdBy: string;
  readonly comment: string;
}

// An alert as whoever notifies has it.
export interface NotifiedAlert {
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly startsAt: string;
  readonly fingerprint: string;
  readonly receivers: readonly { readonly name: string }[];
  readonly status: {
    readonly state: 'unprocessed' | 'active' | 'suppressed';
    readonly silencedBy: readonly string[];
    readonly inhibitedBy: readonly string[];
    readonly mutedBy?: readonly string[];
  };
}

export interface AlertGroup {
  readonly labels: Labels;
  readonly receiver: { readonly name: string };
  readonly alerts: readonly NotifiedAlert[];
}

export type RuleFilterState = 'any' | 'firing' | 'pending' | 'inactive' | 'failing' | 'recording';

export interface RuleFilter {
  readonly text: string; // every word must occur somewhere in the rule, its group or its alerts
  readonly state: RuleFilterState;
}

export function wordsOf(text: string): string[] {
  return text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
}

function labelText(labels: Labels | undefined): string {
  return sortedPairs(labels ?? {})
    .map(([name, value]) => `${name}="${value}" ${name}=${value}`)
    .join('\n');
}

function hasState(rule: Rule, state: RuleFilterState): boolean {
  switch (state) {
    case 'any':
      return true;
    case 'failing':
      return rule.health === 'err';
    case 'recording':
      return rule.type === 'recording';
    default:
      return rule.type === 'alerting' && rule.state === state;
  }
}

export function matchesRule(group: RuleGroup, rule: Rule, { text, state }: RuleFilter): boolean {
  if (!hasState(rule, state)) return false;
  const words = wordsOf(text);
  if (words.length === 0) return true;
  const parts = [group.name, group.file, rule.name, rule.query, rule.lastError ?? '', labelText(rule.labels)];
  if (rule.type === 'alerting') {
    parts.push(labelText(rule.annotations), ...rule.alerts.map((alert) => labelText(alert.labels)));
  }
  const all = parts.join('\n').toLowerCase();
  return words.every((word) => all.includes(word));
}

const URGENCY: Readonly<Record<AlertState, number>> = { firing: 0, pending: 1, unknown: 2, inactive: 3 };

// What asks for attention first.
export function urgencyOf(rule: Rule): number {
  if (rule.health === 'err') return rule.type === 'alerting' ? URGENCY[rule.state] - 0.5 : 1.5;
  return rule.type === 'alerting' ? URGENCY[rule.state] : 4;
}

// The groups with the rules that pass; without a filter groups that are empty stay.
export function filterGroups(groups: readonly RuleGroup[], filter: RuleFilter): RuleGroup[] {
  const filtering = filter.state !== 'any' || wordsOf(filter.text).length > 0;
  return groups
    .map((group) => ({ ...group, rules: group.rules.filter((rule) => matchesRule(group, rule, filter)) }))
    .filter((group) => !filtering || group.rules.length > 0);
}

export interface RuleCounts {
  readonly rules: number;
  readonly firing: number; // rules, not alerts
  readonly pending: number;
  readonly failing: number;
}

export function countRules(groups: readonly RuleGroup[]): RuleCounts {
  const rules = groups.flatMap((group) => group.rules);
  const inState = (state: AlertState): number =>
    rules.filter((rule) => rule.type === 'alerting' && rule.state === state).length;
  return {
    rules: rules.length,
    firing: inState('firing'),
    pending: inState('pending'),
    failing: rules.filter((rule) => rule.health === 'err').length,
  };
}

export interface AlertFilter {
  readonly text: string;
  readonly state: 'any' | 'firing' | 'pending' | 'suppressed';
}

// An active alert with what the notifying side knows of it, where there is one.
export interface KnownAlert extends ActiveAlert {
  readonly notified: NotifiedAlert | undefined;
}

export interface NamedAlerts {
  readonly name: string;
  readonly alerts: readonly KnownAlert[];
}

function labelKey(labels: Labels): string {
  return JSON.stringify(sortedPairs(labels));
}

// Joins by labels. External labels, which only the notifying side has, are passed over.
export function joinAlerts(active: readonly ActiveAlert[], notified: readonly NotifiedAlert[]): KnownAlert[] {
  const exact = new Map(notified.map((each) => [labelKey(each.labels), each]));
  return active.map((alert) => ({
    ...alert,
    notified:
      exact.get(labelKey(alert.labels)) ??
      notified.find((each) => Object.entries(alert.labels).every(([name, value]) => each.labels[name] === value)),
  }));
}

export function isSuppressed(alert: KnownAlert): boolean {
  return alert.notified?.status.state === 'suppressed';
}

function passes(alert: KnownAlert, { text, state }: AlertFilter): boolean {
  if (state === 'suppressed' && !isSuppressed(alert)) return false;
  if ((state === 'firing' || state === 'pending') && alert.state !== state) return false;
  const all = `${labelText(alert.labels)}\n${labelText(alert.annotations)}`.toLowerCase();
  return wordsOf(text).every((word) => all.includes(word));
}

// By name, the longest firing first; names with a firing alert before those that only wait.
export function groupAlerts(alerts: readonly KnownAlert[], filter: AlertFilter): NamedAlerts[] {
  const byName = new Map<string, KnownAlert[]>();
  for (const alert of alerts) {
    if (!passes(alert, filter)) continue;
    const name = alert.labels['alertname'] ?? '';
    const list = byName.get(name);
    if (list === undefined) byName.set(name, [alert]);
    else list.push(alert);
  }
  const rank = (group: NamedAlerts): number => Math.min(...group.alerts.map((alert) => URGENCY[alert.state]));
  return [...byName]
    .map(([name, list]) => ({
      name,
      alerts: list.toSorted(
        (a, b) => URGENCY[a.state] - URGENCY[b.state] || ((a.activeAt ?? '') < (b.activeAt ?? '') ? -1 : 1),
      ),
    }))
    .toSorted((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1));
}

// `1m 30s` of 90: how rules say their waiting times.
export function formatSeconds(seconds: number): string {
  if (seconds === 0) return '0s';
  const parts: string[] = [];
  let left = seconds;
  for (const [unit, size] of [
    ['d', 86_400],
    ['h', 3600],
    ['m', 60],
  ] as const) {
    const count = Math.floor(left / size);
    if (count > 0) parts.push(`${count}${unit}`);
    left -= count * size;
  }
  if (left > 0) parts.push(`${Number(left.toFixed(3))}s`);
  return parts.join(' ');
}

// The value of an alert, which the API gives as `1.5e+00`.
export function alertValue(text: string): number {
  return Number(text.replace('Inf', 'Infinity'));
}

// Never: Go's zero time.
export function timeOf(text: string | undefined): number | undefined {
  const ms = text === undefined ? NaN : Date.parse(text);
  return Number.isNaN(ms) || ms <= 0 ? undefined : ms;
}

// Incidents as the server's API gives them (/api/kw/v1/incidents), and what pages derive from them. Times are
// milliseconds since the epoch.
import type { Labels } from './labels';

export const PHASES = ['detection', 'assessment', 'mitigation', 'resolution', 'post-mortem'] as const;
export type Phase = (typeof PHASES)[number];
export const SEVERITIES = ['SEV1', 'SEV2', 'SEV3', 'SEV4'] as const;
export type Severity = (typeof SEVERITIES)[number];
export const SEVERITY_NAMES: Readonly<Record<Severity, string>> = {
  SEV1: 'Critical',
  SEV2: 'High',
  SEV3: 'Medium',
  SEV4: 'Low',
};
export type IncidentStatus = 'open' | 'resolved' | 'closed';

export interface IncidentSummary {
  readonly id: number;
  readonly title: string;
  readonly severity: Severity;
  readonly severityReason: string;
  readonly source: string;
  readonly phase: Phase;
  readonly status: IncidentStatus;
  readonly beganAt: number;
  readonly openedAt: number;
  readonly updatedAt: number;
  readonly acknowledgedAt?: number;
  readonly acknowledgedBy: string;
  readonly restoredAt?: number;
  readonly resolvedAt?: number;
  readonly closedAt?: number;
  readonly snoozedUntil?: number;
  readonly assignee: string;
  readonly impact: {
    readonly services: readonly string[];
    readonly zones: readonly string[];
    readonly users?: number;
    readonly text: string;
  };
}

export interface ListedIncident extends IncidentSummary {
  readonly firingCount: number;
  readonly alertCount: number;
}

export interface IncidentList {
  readonly incidents: readonly ListedIncident[];
  readonly total: number;
}

export interface IncidentAlert {
  readonly labels: Labels;
  readonly summary: string;
  readonly startsAt: number;
  readonly endedAt?: number;
  readonly firingCount: number;
  readonly isNoData: boolean;
}

export interface Note {
  readonly at: number;
  readonly who: string;
  readonly kind: string;
  readonly text: string;
}

export interface ActionItem {
  readonly id: number;
  readonly text: string;
  readonly owner: string;
  readonly due: string;
  readonly rule: string;
  readonly doneAt?: number;
}

export interface Incident extends IncidentSummary {
  readonly summary: string;
  readonly roles: readonly { readonly role: string; readonly person: string }[];
  readonly alerts: readonly IncidentAlert[];
  readonly alertsLeftOut: number;
  readonly runbook: readonly { readonly text: string; readonly doneAt?: number; readonly doneBy: string }[];
  readonly links: readonly { readonly kind: string; readonly title: string; readonly url: string }[];
  readonly checks: readonly { readonly query: string; readonly isGreen: boolean; readonly answer: string }[];
  readonly actions: readonly ActionItem[];
  readonly notes: readonly Note[];
  readonly postmortem: string;
}

export interface TimelineEntry {
  readonly at: number;
  readonly kind: string;
  readonly title: string;
  readonly detail: string;
  readonly score: number;
  readonly query: string;
  readonly points: readonly { readonly at: number; readonly value: number | null }[];
}

export interface Comparison {
  readonly query: string;
  readonly before: number | null;
  readonly during: number | null;
  readonly hasAfter: boolean;
  readonly after: number | null;
}

export interface Timeline {
  readonly gatheredAt: number;
  readonly from: number;
  readonly to: number;
  readonly entries: readonly TimelineEntry[];
  readonly comparisons: readonly Comparison[];
  readonly remarks: readonly string[];
}

// How the rule stands that verifies an action item.
export interface ActionRule {
  readonly action: number;
  readonly rule: string;
  readonly exists: boolean;
  readonly nearest?: string;
  readonly state?: 'inactive' | 'pending' | 'firing';
  readonly firedSinceDone?: boolean;
  readonly error?: string;
}

// In words, and whether somebody should look.
export function describeActionRule(rule: ActionRule): { readonly text: string; readonly isBad: boolean } {
  const { exists, nearest, state, firedSinceDone, error } = rule;
  const since =
    firedSinceDone === undefined ? '' : firedSinceDone ? ', fired since it was done' : ', quiet since it was done';
  const failed = error === undefined ? '' : `, not looked up: ${error}`;
  if (!exists) {
    return { text: `no such rule${nearest === undefined ? '' : `, perhaps ${nearest}`}${since}${failed}`, isBad: true };
  }
  return { text: `${state ?? 'unknown'}${since}${failed}`, isBad: state === 'firing' || firedSinceDone === true };
}

export interface IncidentDetail {
  readonly incident: Incident;
  readonly actionRules: readonly ActionRule[];
  readonly timeline: Timeline | null;
}

export function incidentName(id: number): string {
  return `INC-${id}`;
}

// 'INC-7' or '7'. Undefined: it is none.
export function parseIncidentName(text: string): number | undefined {
  const [, digits] = /^(?:INC-)?([1-9]\d{0,14})$/i.exec(text) ?? [];
  return digits === undefined ? undefined : Number(digits);
}

// Undefined: there is none after the post-mortem.
export function nextPhase(phase: Phase): Phase | undefined {
  return PHASES[PHASES.indexOf(phase) + 1];
}

// A line of the incident's story: what was gathered and what people did, in one order.
export interface StoryLine {
  readonly at: number;
  readonly kind: string;
  readonly title: string;
  readonly detail: string;
  readonly score?: number; // of what was gathered
  readonly entry?: TimelineEntry;
}

// Ascending in time; notes of alerts stand in the timeline already.
export function storyOf(incident: Incident, timeline: Timeline | null): readonly StoryLine[] {
  const gathered = (timeline?.entries ?? []).map((entry) => ({
    at: entry.at,
    kind: entry.kind,
    title: entry.title,
    detail: entry.detail,
    score: entry.score,
    entry,
  }));
  const notes = incident.notes
    .filter(({ kind }) => timeline === null || kind !== 'alert')
    .map(({ at, who, kind, text }) => ({ at, kind, title: `${who}: ${kind}`, detail: text }));
  return [...gathered, ...notes].toSorted((a, b) => a.at - b.at);
}

// The likeliest reasons, the highest score first: what is not an alert of its own.
export function suspectsOf(timeline: Timeline | null, limit = 5): readonly TimelineEntry[] {
  return (timeline?.entries ?? [])
    .filter(({ kind }) => kind !== 'alert')
    .toSorted((a, b) => b.score - a.score)
    .slice(0, limit);
}

// The points of a small curve in a box, as an SVG path; '' when there is none.
export function sparkline(entry: TimelineEntry, width: number, height: number): string {
  const points = entry.points.flatMap(({ at, value }) => (value === null ? [] : [{ at, value }]));
  const [first] = points;
  const last = points.at(-1);
  if (first === undefined || last === undefined || last.at === first.at) return '';
  const low = Math.min(...points.map(({ value }) => value));
  const high = Math.max(...points.map(({ value }) => value));
  const x = (at: number): number => ((at - first.at) / (last.at - first.at)) * width;
  const y = (value: number): number => (high === low ? height / 2 : height - ((value - low) / (high - low)) * height);
  return points.map(({ at, value }, i) => `${i === 0 ? 'M' : 'L'}${x(at).toFixed(1)} ${y(value).toFixed(1)}`).join('');
}

// Notifications: shapes of our API's answers, labels as people type them, words for what a simulation says.
import type { Labels } from './labels';

export interface RouteMembers {
  readonly index: number;
  readonly receiver: string;
  readonly matchers: readonly string[];
  readonly continue: boolean;
  readonly groupBy: readonly string[];
  readonly groupWait: number; // seconds, as all three
  readonly groupInterval: number;
  readonly repeatInterval: number;
  readonly muteTimeIntervals: readonly string[];
  readonly activeTimeIntervals: readonly string[];
  readonly integrations: readonly string[];
}

export interface RouteNode extends RouteMembers {
  readonly routes: readonly RouteNode[];
}

export interface RouteTree {
  readonly route: RouteNode;
}

export interface ExplainedRoute extends RouteMembers {
  readonly path: readonly { readonly index: number; readonly matchers: string; readonly receiver: string }[];
  readonly groupKey: string;
  readonly groupLabels: Labels;
  readonly groupAlerts: readonly { readonly fingerprint: string; readonly labels: Labels }[];
  readonly groupSize: number;
  readonly nextFlush: string | null;
  readonly mutedBy: readonly string[];
}

export type EventKind = 'firing' | 'repeat' | 'resolved' | 'suppressed';

export interface SimulatedEvent {
  readonly kind: EventKind;
  readonly at: string;
  readonly until?: string;
  readonly flushes?: number;
  readonly integrations: readonly string[];
  readonly reasons: readonly string[];
}

export interface Simulation {
  readonly labels: Labels;
  readonly at: string;
  readonly until: string;
  readonly routes: readonly {
    readonly route: ExplainedRoute;
    readonly events: readonly SimulatedEvent[];
    readonly messages: number;
    readonly isCut: boolean;
  }[];
  readonly assumptions: readonly string[];
}

export interface SentNotification {
  readonly id: number;
  readonly at: string;
  readonly receiver: string;
  readonly integration: string;
  readonly groupKey: string;
  readonly firing: number;
  readonly resolved: number;
  readonly fingerprints: readonly string[];
  readonly outcome: string;
  readonly answer: string;
  readonly tries: number;
  readonly isRepeat: boolean;
}

export interface NotificationPage {
  readonly notifications: readonly SentNotification[];
  readonly next: number | null;
}

export interface ReceiverList {
  readonly receivers: readonly {
    readonly name: string;
    readonly integrations: readonly { readonly name: string }[];
    readonly isFallback: boolean;
    readonly isHeartbeat: boolean;
  }[];
}

export interface TestAnswer {
  readonly receiver: string;
  readonly integrations: readonly {
    readonly integration: string;
    readonly delivered: boolean;
    readonly answer: string;
  }[];
}

export interface Story {
  readonly fingerprint: string;
  readonly state: string;
  readonly labels: Labels | null;
  readonly verdict: readonly string[];
  readonly timeline: readonly { readonly at: string; readonly what: string; readonly text: string }[];
  readonly routes?: readonly ExplainedRoute[];
}

const PAIR = /^\s*,?\s*([^=\s,]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/;

// `alertname=A severity="very critical"`, with blanks, commas or lines between. A text says what is wrong.
export function parseLabels(text: string): Labels | string {
  const labels: Record<string, string> = {};
  let rest = text.replace(/^\s*\{|\}\s*$/g, '');
  while (rest.trim().replace(/^,/, '') !== '') {
    const match = PAIR.exec(rest);
    if (match === null) return `Write labels as name="value": ${rest.trim().slice(0, 40)}`;
    const [all, name = '', quoted, plain] = match;
    labels[name] = quoted === undefined ? (plain ?? '') : quoted.replace(/\\(.)/g, '$1');
    rest = rest.slice(all.length);
  }
  return Object.keys(labels).length === 0 ? 'Write the labels of an alert: alertname="HighErrorRate"' : labels;
}

// 30 → `30s`, 300 → `5m`: whole units only.
export function describeSeconds(seconds: number): string {
  for (const [unit, size] of [
    ['d', 86_400],
    ['h', 3_600],
    ['m', 60],
  ] as const) {
    if (seconds >= size && seconds % size === 0) return `${seconds / size}${unit}`;
  }
  return `${seconds}s`;
}

const EVENT_WORDS: Readonly<Record<EventKind, string>> = {
  firing: 'Told',
  repeat: 'Told again',
  resolved: 'Told of the end',
  suppressed: 'Nobody is told',
};

export function describeEvent(kind: EventKind): string {
  return EVENT_WORDS[kind];
}

// Groups of rules as /api/kw/v1/rules has them, and backfills; drafts of both.

export interface KnownGroup {
  readonly name: string;
  readonly origin: 'file' | 'api';
  readonly file: string;
  readonly revision?: number;
  readonly updatedAt?: string;
  readonly updatedBy?: string;
  readonly error?: string; // why it does not run
  readonly recording: number;
  readonly alerting: number;
  // Of each rule, seconds from the beginning of a cause to its alert, at the most; null of recording rules.
  readonly slowestDetection?: readonly (number | null)[];
}

export interface KnownGroups {
  readonly groups: readonly KnownGroup[];
}

export interface DraftedRule {
  readonly name: string;
  readonly type: 'recording' | 'alerting';
  readonly query: string;
  readonly line: number; // from 1
}

export interface StoredGroup extends KnownGroup {
  readonly text: string;
  readonly rules?: readonly DraftedRule[];
}

export interface GroupFault {
  readonly message: string;
  readonly line?: number; // from 1
  readonly key?: string;
}

export const NEW_GROUP_TEXT = `interval: 1m
rules:
  - record: job:up:sum
    expr: sum by (job) (up)
`;

// Offsets of a line of `text` (from 1): from its first character to its end, without the line break.
export function lineSpan(text: string, line: number): { readonly start: number; readonly end: number } {
  let start = 0;
  for (let i = 1; i < line; i += 1) {
    const next = text.indexOf('\n', start);
    if (next < 0) break;
    start = next + 1;
  }
  const end = text.indexOf('\n', start);
  return { start, end: end < 0 ? text.length : end };
}

export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}

// The rule in whose lines the cursor stands: the last that begins at or before it.
export function ruleAt(rules: readonly DraftedRule[], line: number): DraftedRule | undefined {
  return rules.findLast((rule) => rule.line <= line) ?? rules[0];
}

export type BackfillState = 'waiting' | 'running' | 'done' | 'failed' | 'cancelled';

export interface BackfillJob {
  readonly id: number;
  readonly state: BackfillState;
  readonly groups: readonly string[];
  readonly start: string;
  readonly end: string;
  readonly createdBy: string;
  readonly position: string;
  readonly fraction: number; // 0 to 1
  readonly remainingSeconds?: number;
  readonly resumed: number;
  readonly stored: number;
  readonly kept: number;
  readonly tooOld: number;
  readonly refused: number;
  readonly failures: number;
  readonly firstError?: string;
  readonly error?: string;
}

export function isOver({ state }: BackfillJob): boolean {
  return state !== 'waiting' && state !== 'running';
}

// What came of a job, in words.
export function describeJob(job: BackfillJob): string {
  const count = (value: number): string => value.toLocaleString('en');
  const parts = [`${count(job.stored)} samples written`, `${count(job.kept)} were there`];
  if (job.tooOld > 0) parts.push(`${count(job.tooOld)} older than the retention`);
  if (job.refused > 0) parts.push(`${count(job.refused)} refused`);
  if (job.failures > 0) parts.push(`${count(job.failures)} evaluations failed`);
  return parts.join(', ');
}

// What <input type="datetime-local"> takes: local time to the minute.
export function localMinute(ms: number): string {
  const date = new Date(ms);
  const pad = (value: number): string => String(value).padStart(2, '0');
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}T${pad(date.getHours())}:${pad(date.getMinutes())}`;
}

// Seconds since the epoch; undefined where it is no time.
export function secondsOf(local: string): number | undefined {
  const ms = new Date(local).getTime();
  return Number.isNaN(ms) ? undefined : ms / 1000;
}

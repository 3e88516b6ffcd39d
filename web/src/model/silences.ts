// Silences: matchers as text, what they match, and a silence while it is being written.
import type { Silence, SilenceMatcher } from './alerting';
import type { Labels } from './labels';
import { parseDuration } from './time';

const MATCHER = /^\s*("(?:[^"\\]|\\.)*"|[^\s=!~"{},]+)\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*"|[^"]*?)\s*$/s;

function unquoted(text: string): string {
  if (!text.startsWith('"')) return text;
  return text.slice(1, -1).replaceAll(/\\(.)/gs, (_, c: string) => (c === 'n' ? '\n' : c));
}

function quoted(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
}

export function formatMatcher({ name, value, isRegex, isEqual = true }: SilenceMatcher): string {
  const operator = isRegex ? (isEqual ? '=~' : '!~') : isEqual ? '=' : '!=';
  return `${name}${operator}${quoted(value)}`;
}

// A condition as people write it: service="api", severity!=info, instance=~"a.*". Undefined: not one.
export function parseMatcher(text: string): SilenceMatcher | undefined {
  const [, name, operator, value] = MATCHER.exec(text) ?? [];
  if (name === undefined || operator === undefined || value === undefined) return undefined;
  return {
    name: unquoted(name),
    value: unquoted(value),
    isRegex: operator.endsWith('~'),
    isEqual: operator.startsWith('='),
  };
}

// The server's expressions are RE2, anchored; a browser's are close enough for a preview. Undefined: not valid here.
function regexOf(pattern: string): RegExp | undefined {
  try {
    return new RegExp(`^(?:${pattern})$`, 'su');
  } catch {
    return undefined;
  }
}

export function matchesLabels(matchers: readonly SilenceMatcher[], labels: Labels): boolean {
  return matchers.every(({ name, value, isRegex, isEqual = true }) => {
    const has = labels[name] ?? '';
    const meets = isRegex ? (regexOf(value)?.test(has) ?? false) : has === value;
    return meets === isEqual;
  });
}

export interface SilenceDraft {
  readonly id: string; // of the silence that is changed; '' for a new one
  readonly matchers: readonly string[]; // a text a row
  readonly startsAt: string; // '' for now, or ISO 8601
  readonly duration: string; // of PromQL's form: 2h
  readonly createdBy: string;
  readonly comment: string;
}

// What is wrong, by field.
export interface DraftErrors {
  readonly matchers: readonly (string | undefined)[];
  readonly all?: string; // of the matchers together
  readonly duration?: string;
  readonly createdBy?: string;
  readonly comment?: string;
}

export function draftOfLabels(labels: Labels, createdBy: string): SilenceDraft {
  const matchers = Object.entries(labels)
    .toSorted(([a], [b]) => (a === 'alertname' ? -1 : b === 'alertname' ? 1 : a < b ? -1 : 1))
    .map(([name, value]) => formatMatcher({ name, value, isRegex: false }));
  return { id: '', matchers, startsAt: '', duration: '2h', createdBy, comment: '' };
}

export function emptyDraft(createdBy: string): SilenceDraft {
  return { id: '', matchers: [''], startsAt: '', duration: '2h', createdBy, comment: '' };
}

function minutesText(ms: number): string {
  const minutes = Math.max(1, Math.round(ms / 60_000));
  if (minutes % 1440 === 0) return `${minutes / 1440}d`;
  if (minutes % 60 === 0) return `${minutes / 60}h`;
  return `${minutes}m`;
}

// To change one that lasts, with the time that is left; to write an expired one again, with the time that it had.
export function draftOfSilence(silence: Silence, nowMs: number): SilenceDraft {
  const starts = Date.parse(silence.startsAt);
  const ends = Date.parse(silence.endsAt);
  const expired = silence.status.state === 'expired';
  const waits = silence.status.state === 'pending';
  return {
    id: expired ? '' : silence.id,
    matchers: silence.matchers.map(formatMatcher),
    startsAt: waits ? silence.startsAt : '',
    duration: minutesText(expired || waits ? ends - starts : ends - nowMs),
    createdBy: silence.createdBy,
    comment: silence.comment,
  };
}

export function parsedMatchers(draft: SilenceDraft): SilenceMatcher[] {
  return draft.matchers.map(parseMatcher).filter((matcher) => matcher !== undefined);
}

export function checkDraft(draft: SilenceDraft): DraftErrors | undefined {
  const matchers = draft.matchers.map((text) => {
    if (text.trim() === '') return undefined;
    const matcher = parseMatcher(text);
    if (matcher === undefined) return 'Write a condition like service="api" or instance=~"a.*"';
    if (matcher.isRegex && regexOf(matcher.value) === undefined) return 'This is no regular expression';
    return undefined;
  });
  const parsed = parsedMatchers(draft);
  // One that nothing but absent labels meets would silence everything.
  const all = parsed.every((matcher) => matchesLabels([matcher], {}))
    ? 'Name at least one label that must be there'
    : undefined;
  const duration = parseDuration(draft.duration);
  const errors: DraftErrors = {
    matchers,
    ...(all === undefined ? {} : { all }),
    ...(duration === undefined || duration <= 0 ? { duration: 'Write a duration like 30m, 2h or 1d' } : {}),
    ...(draft.createdBy.trim() === '' ? { createdBy: 'Say who silences' } : {}),
    ...(draft.comment.trim() === '' ? { comment: 'Say why' } : {}),
  };
  const isFine = Object.keys(errors).length === 1 && matchers.every((error) => error === undefined);
  return isFine ? undefined : errors;
}

// What the API takes. Precondition: checkDraft() found nothing.
export function silenceBody(draft: SilenceDraft, nowMs: number): Omit<Silence, 'id' | 'status'> & { id?: string } {
  const starts = draft.startsAt === '' ? nowMs : Date.parse(draft.startsAt);
  return {
    ...(draft.id === '' ? {} : { id: draft.id }),
    matchers: parsedMatchers(draft),
    startsAt: new Date(starts).toISOString(),
    endsAt: new Date(starts + (parseDuration(draft.duration) ?? 0)).toISOString(),
    createdBy: draft.createdBy.trim(),
    comment: draft.comment.trim(),
  };
}

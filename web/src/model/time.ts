// Durations, instants and time ranges as people type them and as links keep them.
//
// A bound of a range is text: `now`, `now-1h30m`, or an absolute instant (ISO 8601, UTC when it names no
// zone, or Unix seconds). Text is what the URL holds, so that a relative link stays relative; it is
// resolved against a clock once per run. Durations are Prometheus': `1h30m`, units descend, no fractions.

export interface TimeRange {
  readonly from: string;
  readonly to: string;
}

// Both ends inclusive, milliseconds since the Unix epoch; startMs < endMs.
export interface ResolvedRange {
  readonly startMs: number;
  readonly endMs: number;
}

export type TimeZoneMode = 'local' | 'utc';

export const DEFAULT_RANGE: TimeRange = { from: 'now-1h', to: 'now' };

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const UNITS: readonly (readonly [string, number])[] = [
  ['y', 365 * DAY],
  ['w', 7 * DAY],
  ['d', DAY],
  ['h', HOUR],
  ['m', MINUTE],
  ['s', SECOND],
  ['ms', 1],
];

const DURATION = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/;

// Milliseconds of `1h30m`; undefined when the text is no duration.
export function parseDuration(text: string): number | undefined {
  const trimmed = text.trim();
  if (trimmed === '0') return 0;
  const match = DURATION.exec(trimmed);
  if (trimmed === '' || match === null) return undefined;
  let total = 0;
  UNITS.forEach(([, unitMs], i) => {
    total += Number(match[i + 1] ?? 0) * unitMs;
  });
  return Number.isSafeInteger(total) ? total : undefined;
}

// The shortest exact text: 5400000 → `1h30m`. Weeks and years are used only where they are exact.
export function formatDuration(ms: number): string {
  if (!Number.isFinite(ms) || ms <= 0) return '0s';
  let rest = Math.round(ms);
  let text = '';
  for (const [unit, unitMs] of UNITS) {
    if ((unit === 'y' || unit === 'w') && rest % unitMs !== 0) continue;
    const count = Math.floor(rest / unitMs);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * unitMs;
  }
  return text;
}

// One bound against the clock `nowMs`; undefined when the text is no instant.
export function parseInstant(text: string, nowMs: number): number | undefined {
  const trimmed = text.trim();
  if (trimmed === 'now') return nowMs;
  const relative = /^now\s*([-+])\s*(\S+)$/.exec(trimmed);
  if (relative !== null) {
    const offset = parseDuration(relative[2] ?? '');
    if (offset === undefined) return undefined;
    return relative[1] === '-' ? nowMs - offset : nowMs + offset;
  }
  if (/^\d{1,11}(\.\d+)?$/.test(trimmed)) return Math.round(Number(trimmed) * 1000);
  if (!/^\d{4}-\d{2}-\d{2}/.test(trimmed)) return undefined;
  const iso = trimmed.replace(' ', 'T');
  const full = iso.length === 10 ? `${iso}T00:00:00` : iso;
  const zoned = /(Z|[-+]\d{2}:?\d{2})$/.test(full) ? full : `${full}Z`;
  const ms = Date.parse(zoned);
  return Number.isNaN(ms) ? undefined : ms;
}

export function isRelative(range: TimeRange): boolean {
  return range.from.startsWith('now') || range.to.startsWith('now');
}

// undefined when a bound does not parse or the start is not before the end.
export function resolveRange(range: TimeRange, nowMs: number): ResolvedRange | undefined {
  const startMs = parseInstant(range.from, nowMs);
  const endMs = parseInstant(range.to, nowMs);
  if (startMs === undefined || endMs === undefined || startMs >= endMs) return undefined;
  return { startMs, endMs };
}

export function absoluteRange(startMs: number, endMs: number): TimeRange {
  return { from: new Date(startMs).toISOString(), to: new Date(endMs).toISOString() };
}

// Steps people can do sums with; the first that gives at most `pointsMax` points is taken.
const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];

// Milliseconds. 300 points are some 3 pixels each on a panel of 900.
export function autoStep(range: ResolvedRange, pointsMax = 300): number {
  const wanted = (range.endMs - range.startMs) / SECOND / pointsMax;
  const step = STEPS_S.find((s) => s >= wanted) ?? Math.ceil(wanted / 86400) * 86400;
  return step * SECOND;
}

// The grid of a range query. The end lies on a multiple of the step (of a minute for longer steps), so
// that a refreshed graph moves by whole steps and does not flicker.
export function alignToStep(range: ResolvedRange, stepMs: number): ResolvedRange {
  const grain = Math.max(1, Math.min(stepMs, MINUTE));
  const endMs = Math.floor(range.endMs / grain) * grain;
  const steps = Math.max(1, Math.floor((endMs - range.startMs) / stepMs));
  return { startMs: endMs - steps * stepMs, endMs };
}

// The same width twice as wide around the middle; never past `nowMs` unless the range already was.
export function zoomOut(range: ResolvedRange, nowMs: number): ResolvedRange {
  const width = range.endMs - range.startMs;
  const endMs = Math.max(range.endMs, Math.min(range.endMs + width / 2, nowMs));
  return { startMs: Math.round(endMs - 2 * width), endMs: Math.round(endMs) };
}

// Moves by half a width; direction −1 is earlier.
export function pan(range: ResolvedRange, direction: -1 | 1): ResolvedRange {
  const by = Math.round(((range.endMs - range.startMs) / 2) * direction);
  return { startMs: range.startMs + by, endMs: range.endMs + by };
}

export const RANGE_PRESETS: readonly { readonly label: string; readonly range: TimeRange }[] = [
  ['5 minutes', 'now-5m'],
  ['15 minutes', 'now-15m'],
  ['30 minutes', 'now-30m'],
  ['1 hour', 'now-1h'],
  ['3 hours', 'now-3h'],
  ['6 hours', 'now-6h'],
  ['12 hours', 'now-12h'],
  ['24 hours', 'now-1d'],
  ['2 days', 'now-2d'],
  ['7 days', 'now-7d'],
  ['30 days', 'now-30d'],
  ['90 days', 'now-90d'],
].map(([label, from]) => ({ label: `Last ${label}`, range: { from: from ?? '', to: 'now' } }));

const SPAN_NAMES: Readonly<Record<string, string>> = {
  y: 'year',
  w: 'week',
  d: 'day',
  h: 'hour',
  m: 'minute',
  s: 'second',
};

// `45m` → `45 minutes`; what has several units stays as it is.
function describeSpan(duration: string): string {
  const match = /^(\d+)([ywdhms])$/.exec(duration);
  const name = SPAN_NAMES[match?.[2] ?? ''];
  if (match === null || name === undefined) return duration;
  return `${match[1]} ${name}${match[1] === '1' ? '' : 's'}`;
}

// What the range is called on its button.
export function describeRange(range: TimeRange, zone: TimeZoneMode): string {
  const preset = RANGE_PRESETS.find((p) => p.range.from === range.from && p.range.to === range.to);
  if (preset !== undefined) return preset.label;
  if (range.to === 'now' && range.from.startsWith('now-')) return `Last ${describeSpan(range.from.slice(4))}`;
  if (isRelative(range)) return `${range.from} – ${range.to}`;
  const from = parseInstant(range.from, 0);
  const to = parseInstant(range.to, 0);
  if (from === undefined || to === undefined) return `${range.from} – ${range.to}`;
  const fromText = formatDateTime(from, zone);
  const toText = formatDateTime(to, zone);
  const sameDay = fromText.slice(0, 10) === toText.slice(0, 10);
  return `${fromText} – ${sameDay ? toText.slice(11) : toText}`;
}

function pad(value: number, width = 2): string {
  return String(value).padStart(width, '0');
}

// `2026-11-22 10:05:00`, in the browser's zone or in UTC.
export function formatDateTime(ms: number, zone: TimeZoneMode, withMillis = false): string {
  const d = new Date(ms);
  if (Number.isNaN(d.getTime())) return 'invalid time';
  const parts =
    zone === 'utc'
      ? [d.getUTCFullYear(), d.getUTCMonth(), d.getUTCDate(), d.getUTCHours(), d.getUTCMinutes(), d.getUTCSeconds()]
      : [d.getFullYear(), d.getMonth(), d.getDate(), d.getHours(), d.getMinutes(), d.getSeconds()];
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts;
  const millis = withMillis ? `.${pad(d.getUTCMilliseconds(), 3)}` : '';
  return `${pad(year, 4)}-${pad(month + 1)}-${pad(day)} ${pad(hour)}:${pad(minute)}:${pad(second)}${millis}`;
}

// The inverse for a date field the user typed in `zone`; undefined when it is no date.
export function parseDateTime(text: string, zone: TimeZoneMode): number | undefined {
  const match = /^(\d{4})-(\d{2})-(\d{2})(?:[ T](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,3}))?)?)?$/.exec(text.trim());
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((part) => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const millis = Number((match[7] ?? '0').padEnd(3, '0'));
  if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 59) return undefined;
  const ms =
    zone === 'utc'
      ? Date.UTC(year, month - 1, day, hour, minute, second, millis)
      : new Date(year, month - 1, day, hour, minute, second, millis).getTime();
  return Number.isNaN(ms) ? undefined : ms;
}

// `3 s ago`, `in 2 min`: for ages in lists, where the exact time stands in a title.
export function describeAge(thenMs: number, nowMs: number): string {
  const ms = nowMs - thenMs;
  const size = Math.abs(ms);
  const text =
    size < SECOND
      ? 'now'
      : size < 100 * SECOND
        ? `${Math.round(size / SECOND)} s`
        : size < 100 * MINUTE
          ? `${Math.round(size / MINUTE)} min`
          : size < 48 * HOUR
            ? `${Math.round(size / HOUR)} h`
            : `${Math.round(size / DAY)} d`;
  if (text === 'now') return text;
  return ms >= 0 ? `${text} ago` : `in ${text}`;
}

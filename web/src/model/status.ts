// Names and values of the status endpoints as people read them.
import { describeAge, formatDateTime, type TimeZoneMode } from './time';

const NAMES: Readonly<Record<string, string>> = {
  CWD: 'Working directory',
  GOMAXPROCS: 'Threads at once',
  GOMEMLIMIT: 'Memory limit',
  GOGC: 'GOGC',
  GODEBUG: 'GODEBUG',
  lastConfigTime: 'Configuration loaded',
  reloadConfigSuccess: 'Last reload',
  corruptionCount: 'WAL corruptions',
  goVersion: 'Compiler',
  goroutineCount: 'Threads',
  storageRetention: 'Retention',
};

// Facts about a Go runtime are in the API for clients' sake; a server without one answers 0 or nothing.
const GO_ONLY = new Set(['goroutineCount', 'GOMEMLIMIT', 'GOGC', 'GODEBUG']);

export function isShown(key: string, value: string | number | boolean): boolean {
  return value !== '' && !(GO_ONLY.has(key) && value === 0);
}

// `startTime` → `Start time`.
export function nameOfKey(key: string): string {
  const known = NAMES[key];
  if (known !== undefined) return known;
  const words = key
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replaceAll('_', ' ')
    .toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

export function showStatusValue(
  key: string,
  value: string | number | boolean,
  zone: TimeZoneMode,
  nowMs = Date.now(),
): string {
  if (key === 'reloadConfigSuccess') return value === true ? 'succeeded' : 'failed';
  if (typeof value === 'string' && /^\d{4}-\d{2}-\d{2}T/.test(value)) {
    const ms = Date.parse(value);
    if (!Number.isNaN(ms)) return `${formatDateTime(ms, zone)} (${describeAge(ms, nowMs)})`;
  }
  if (key === 'GOMEMLIMIT' && value === Number.MAX_SAFE_INTEGER + 1) return 'none';
  return typeof value === 'number' ? value.toLocaleString('en') : String(value);
}

export interface YamlPart {
  readonly kind: 'key' | 'comment' | 'string' | 'text';
  readonly text: string;
}

// A line of YAML in coloured parts. Good enough to read by: it knows keys, comments and quoted scalars.
export function yamlParts(line: string): YamlPart[] {
  const comment = /^(\s*)(#.*)$/.exec(line);
  const parts: YamlPart[] = [];
  if (comment !== null)
    parts.push({ kind: 'text', text: comment[1] ?? '' }, { kind: 'comment', text: comment[2] ?? '' });
  let rest = comment === null ? line : '';
  const key = /^(\s*(?:- )*)([^\s:'"#][^:'"#]*:)(?=\s|$)/.exec(line);
  if (key !== null) {
    parts.push({ kind: 'text', text: key[1] ?? '' }, { kind: 'key', text: key[2] ?? '' });
    rest = line.slice(key[0].length);
  }
  for (const match of rest.matchAll(/("(?:[^"\\]|\\.)*"|'(?:[^']|'')*')|[^"']+|["']/g)) {
    parts.push({ kind: match[1] === undefined ? 'text' : 'string', text: match[0] });
  }
  return parts.filter((part) => part.text !== '');
}

// Units: what a number means and how it is written. A unit is guessed from metric names (units of the
// OpenMetrics naming rules) or metadata, see promql_unit.ts, and can be chosen by hand.

export type Unit =
  | 'none'
  | 'bytes'
  | 'bytes/s'
  | 'bits/s'
  | 'seconds'
  | 'percent'
  | 'ratio'
  | 'per-second'
  | 'celsius'
  | 'watts'
  | 'joules'
  | 'volts'
  | 'amperes'
  | 'hertz'
  | 'grams'
  | 'meters'
  | 'timestamp';

export const UNIT_NAMES: Readonly<Record<Unit, string>> = {
  none: 'Number',
  bytes: 'Bytes',
  'bytes/s': 'Bytes/s',
  'bits/s': 'Bits/s',
  seconds: 'Seconds',
  percent: 'Percent',
  ratio: 'Ratio as %',
  'per-second': 'Per second',
  celsius: 'Celsius',
  watts: 'Watts',
  joules: 'Joules',
  volts: 'Volts',
  amperes: 'Amperes',
  hertz: 'Hertz',
  grams: 'Grams',
  meters: 'Meters',
  timestamp: 'Unix time',
};

export function isUnit(text: string): text is Unit {
  return Object.hasOwn(UNIT_NAMES, text);
}

const SUFFIXES: readonly (readonly [string, Unit])[] = [
  ['bytes', 'bytes'],
  ['timestamp_seconds', 'timestamp'],
  ['time_seconds', 'timestamp'],
  ['seconds', 'seconds'],
  ['percent', 'percent'],
  ['ratio', 'ratio'],
  ['celsius', 'celsius'],
  ['watts', 'watts'],
  ['joules', 'joules'],
  ['volts', 'volts'],
  ['amperes', 'amperes'],
  ['hertz', 'hertz'],
  ['grams', 'grams'],
  ['meters', 'meters'],
];

// The unit that metadata names (OpenMetrics' UNIT line): the suffix without its underscore.
export function unitOfMetadata(unit: string): Unit {
  return unit === '' ? 'none' : unitOfMetric(unit);
}

// `_time_seconds` is an instant in `process_start_time_seconds` and `node_boot_time_seconds`, and a span
// nearly everywhere else.
const INSTANTS = /(?:start|boot|creation|modification|mtime|birth|expiry|scrape_created)_time_seconds$/;

export function unitOfMetric(metric: string): Unit {
  const name = metric.replace(/_(?:total|sum|bucket|created)$/, '');
  if (metric.endsWith('_created')) return 'timestamp';
  for (const [suffix, unit] of SUFFIXES) {
    if (name !== suffix && !name.endsWith(`_${suffix}`)) continue;
    if (suffix === 'time_seconds' && !INSTANTS.test(name)) continue;
    return unit;
  }
  return 'none';
}

function trimZeros(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

// About `digits` significant digits, never an exponent in the ordinary range.
function significant(value: number, digits: number): string {
  const size = Math.abs(value);
  if (size === 0) return '0';
  const decimals = Math.max(0, Math.min(12, digits - 1 - Math.floor(Math.log10(size))));
  return trimZeros(value.toFixed(decimals));
}

interface Scale {
  readonly factor: number;
  readonly prefix: string;
}

function scaled(value: number, base: number, prefixes: readonly string[], digits: number): readonly [string, string] {
  let scale: Scale = { factor: 1, prefix: '' };
  let factor = 1;
  for (const prefix of prefixes) {
    factor *= base;
    // 999.95 of one prefix rounds to 1000 with four digits: it belongs to the next.
    if (Math.abs(value) < factor * 0.99995) break;
    scale = { factor, prefix };
  }
  return [significant(value / scale.factor, digits), scale.prefix];
}

const SI = ['k', 'M', 'G', 'T', 'P', 'E'];
const IEC = ['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const SMALL: readonly Scale[] = [
  { factor: 1e-3, prefix: 'm' },
  { factor: 1e-6, prefix: 'µ' },
  { factor: 1e-9, prefix: 'n' },
];

function si(value: number, symbol: string, digits: number): string {
  const size = Math.abs(value);
  if (symbol !== '' && size !== 0 && size < 1) {
    const scale = SMALL.find((s) => size >= s.factor * 0.99995) ?? SMALL[2];
    if (scale !== undefined) return `${significant(value / scale.factor, digits)} ${scale.prefix}${symbol}`;
  }
  const [number, prefix] = scaled(value, 1000, SI, digits);
  const tail = `${prefix}${symbol}`;
  if (tail === '') return number;
  return symbol === '' ? `${number}${prefix}` : `${number} ${tail}`;
}

const SPANS: readonly (readonly [number, string])[] = [
  [86400, 'd'],
  [3600, 'h'],
  [60, 'min'],
];

function seconds(value: number, digits: number): string {
  const size = Math.abs(value);
  if (size < 1 && size !== 0) return si(value, 's', digits);
  const span = SPANS.find(([factor]) => size >= factor * 2);
  if (span === undefined) return `${significant(value, digits)} s`;
  return `${significant(value / span[0], digits)} ${span[1]}`;
}

const SYMBOLS: Partial<Record<Unit, string>> = {
  watts: 'W',
  joules: 'J',
  volts: 'V',
  amperes: 'A',
  hertz: 'Hz',
  grams: 'g',
  meters: 'm',
  'bits/s': 'bit/s',
};

// A value as a person reads it, to about `digits` digits. NaN and infinities keep their names.
export function formatValue(value: number, unit: Unit, digits = 4): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  switch (unit) {
    case 'none': {
      const size = Math.abs(value);
      if (size !== 0 && size < 1e-6) return value.toExponential(digits - 1).replace(/\.?0+e/, 'e');
      return si(value, '', digits);
    }
    case 'per-second':
      return `${formatValue(value, 'none', digits)}/s`;
    case 'bytes':
    case 'bytes/s': {
      const [number, prefix] = scaled(value, 1024, IEC, digits);
      return `${number} ${prefix}B${unit === 'bytes' ? '' : '/s'}`;
    }
    case 'seconds':
      return seconds(value, digits);
    case 'percent':
      return `${significant(value, digits)} %`;
    case 'ratio':
      return `${significant(value * 100, digits)} %`;
    case 'celsius':
      return `${significant(value, digits)} °C`;
    case 'timestamp': {
      const ms = value * 1000;
      if (Math.abs(ms) > 8.64e15) return String(value);
      return new Date(ms)
        .toISOString()
        .replace('T', ' ')
        .replace(/\.\d+Z$/, 'Z');
    }
    default:
      return si(value, SYMBOLS[unit] ?? '', digits);
  }
}

// Labels of an axis: as few digits as say each value exactly, or else as tell neighbours apart.
export function formatAxis(splits: readonly number[], unit: Unit): string[] {
  const write = (digits: number): string[] => splits.map((value) => formatValue(value, unit, digits));
  const exact = write(8);
  for (let digits = 3; digits < 6; digits += 1) {
    const texts = write(digits);
    if (texts.every((text, i) => text === exact[i])) return texts;
  }
  for (let digits = 3; digits < 8; digits += 1) {
    const texts = write(digits);
    if (new Set(texts).size === texts.length) return texts;
  }
  return exact;
}

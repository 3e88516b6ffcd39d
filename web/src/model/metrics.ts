// The metrics a server has: searching them, and the expression that one is best asked for by.
import type { MetricMetadata } from './answers';

export interface MetricEntry {
  readonly name: string;
  readonly type: string; // 'counter', 'gauge', 'histogram', 'summary', 'unknown'; '' when not known
  readonly help: string;
}

type Metadata = Readonly<Record<string, readonly MetricMetadata[]>>;

// A histogram's, summary's or OpenMetrics counter's series carry suffixes that its metadata does not.
function describe(name: string, metadata: Metadata): MetricEntry {
  const own = metadata[name]?.[0];
  if (own !== undefined) return { name, type: own.type, help: own.help };
  const family = metadata[name.replace(/_(?:bucket|sum|count|total)$/, '')]?.[0];
  return { name, type: family?.type ?? '', help: family?.help ?? '' };
}

// Those that hold every word in name, type or help; names that begin with the first word first.
export function searchMetrics(names: readonly string[], metadata: Metadata, text: string): MetricEntry[] {
  const words = text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  const found = names
    .map((name) => describe(name, metadata))
    .filter(({ name, type, help }) => {
      const all = `${name} ${type} ${help}`.toLowerCase();
      return words.every((word) => all.includes(word));
    });
  const first = words[0];
  if (first === undefined) return found;
  const rank = ({ name }: MetricEntry): number => {
    const lower = name.toLowerCase();
    return lower.startsWith(first) ? 0 : lower.includes(first) ? 1 : 2;
  };
  return found.toSorted((a, b) => rank(a) - rank(b));
}

function isCounter({ name, type }: MetricEntry): boolean {
  if (type === 'histogram' || type === 'summary') return /_(?:count|sum)$/.test(name);
  return type === 'counter' || ((type === '' || type === 'unknown') && name.endsWith('_total'));
}

export function queryFor(entry: MetricEntry): string {
  // A name in UTF-8 is written in quotes inside the braces.
  const selector = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(entry.name) ? entry.name : `{${JSON.stringify(entry.name)}}`;
  if (entry.name.endsWith('_bucket')) return `histogram_quantile(0.95, sum by (le) (rate(${selector}[5m])))`;
  return isCounter(entry) ? `rate(${selector}[5m])` : selector;
}

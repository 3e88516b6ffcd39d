// Label sets as the API gives them, and the text that names a series.

export type Labels = Readonly<Record<string, string>>;

export const METRIC_NAME = '__name__';

const BARE_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;

function quoted(value: string): string {
  return `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
}

// The labels without the metric name, sorted by name.
export function sortedPairs(labels: Labels): [string, string][] {
  return Object.entries(labels)
    .filter(([name]) => name !== METRIC_NAME)
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
}

// `up{instance="a:9100", job="node"}`: valid PromQL that selects this series.
export function seriesName(labels: Labels): string {
  const pairs = sortedPairs(labels).map(
    ([name, value]) => `${BARE_NAME.test(name) ? name : quoted(name)}=${quoted(value)}`,
  );
  const metric = labels[METRIC_NAME];
  if (metric === undefined) return `{${pairs.join(', ')}}`;
  if (!BARE_NAME.test(metric)) return `{${[quoted(metric), ...pairs].join(', ')}}`;
  return pairs.length === 0 ? metric : `${metric}{${pairs.join(', ')}}`;
}

export interface SharedLabels {
  readonly shared: Labels; // what all of them have, with the same value
  readonly names: readonly string[]; // the other names, sorted: what tells them apart
}

// Splits what every label set shares from what distinguishes them, so that a legend shows the latter.
export function splitShared(sets: readonly Labels[]): SharedLabels {
  const first = sets[0];
  if (first === undefined) return { shared: {}, names: [] };
  const shared: Record<string, string> = { ...first };
  const names = new Set<string>();
  for (const labels of sets) {
    for (const name of Object.keys(shared)) {
      if (labels[name] !== shared[name]) delete shared[name];
    }
    for (const name of Object.keys(labels)) names.add(name);
  }
  return {
    shared,
    names: [...names].filter((name) => !(name in shared)).toSorted(),
  };
}

// For each set the labels that tell it from the others; the whole name where there is nothing to tell.
export function shortNames(sets: readonly Labels[], shared: Labels): string[] {
  return sets.map((labels) => {
    const rest = Object.fromEntries(Object.entries(labels).filter(([name]) => !(name in shared)));
    if (Object.keys(rest).length > 0) return seriesName(rest);
    return Object.keys(labels).length === 0 ? 'value' : seriesName(labels);
  });
}

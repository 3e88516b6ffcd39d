// An instant answer as a table: a column per label that tells rows apart, rows sorted and filtered.
import type { QueryData } from './answers';
import { parseSampleValue } from './frame';
import { METRIC_NAME, type Labels, seriesName, splitShared } from './labels';

export interface TableRow {
  readonly labels: Labels;
  readonly text: string; // the value as the server wrote it
  readonly value: number; // NaN for text and histograms
  readonly time: number; // seconds
}

export interface Table {
  readonly kind: 'samples' | 'scalar' | 'string';
  readonly rows: readonly TableRow[];
  readonly shared: Labels; // of every row, shown once above
  readonly columns: readonly string[]; // label names that differ
  readonly rowCount: number; // before the bound
}

export const ROWS_MAX = 1000;

function histogramText(sample: { readonly count: string; readonly sum: string }): string {
  return `histogram, count ${sample.count}, sum ${sample.sum}`;
}

function flatten(data: QueryData): TableRow[] {
  switch (data.resultType) {
    case 'scalar':
    case 'string': {
      const [time, text] = data.result;
      return [{ labels: {}, text, value: data.resultType === 'scalar' ? parseSampleValue(text) : NaN, time }];
    }
    case 'vector':
      return data.result.map(({ metric, value, histogram }) => {
        if (value !== undefined) {
          return { labels: metric, text: value[1], value: parseSampleValue(value[1]), time: value[0] };
        }
        const [time, sample] = histogram ?? [0, { count: '0', sum: '0' }];
        return { labels: metric, text: histogramText(sample), value: NaN, time };
      });
    case 'matrix':
      return data.result.flatMap(({ metric, values = [], histograms = [] }) => [
        ...values.map(([time, text]) => ({ labels: metric, text, value: parseSampleValue(text), time })),
        ...histograms.map(([time, sample]) => ({ labels: metric, text: histogramText(sample), value: NaN, time })),
      ]);
  }
}

export function toTable(data: QueryData, rowsMax = ROWS_MAX): Table {
  const all = flatten(data);
  const rows = all.slice(0, rowsMax);
  const { shared, names } = splitShared(rows.map((row) => row.labels));
  const alone = rows.length === 1;
  const first = names.includes(METRIC_NAME) ? [METRIC_NAME] : [];
  return {
    kind: data.resultType === 'scalar' || data.resultType === 'string' ? data.resultType : 'samples',
    rows,
    shared: alone ? (rows[0]?.labels ?? {}) : shared,
    columns: alone ? [] : [...first, ...names.filter((name) => name !== METRIC_NAME)],
    rowCount: all.length,
  };
}

export type SortKey = { readonly column: string | null; readonly descending: boolean }; // null: the value

export function sortRows(rows: readonly TableRow[], key: SortKey | null): TableRow[] {
  if (key === null) return [...rows];
  const sign = key.descending ? -1 : 1;
  const { column } = key;
  return rows.toSorted((a, b) => {
    if (column === null) {
      if (Number.isNaN(a.value) || Number.isNaN(b.value))
        return Number(Number.isNaN(a.value)) - Number(Number.isNaN(b.value));
      return sign * (a.value - b.value);
    }
    return sign * (a.labels[column] ?? '').localeCompare(b.labels[column] ?? '', 'en', { numeric: true });
  });
}

function cell(text: string): string {
  return text.replace(/[\t\n\r]/g, ' ');
}

// Tab-separated values with a head line, for the clipboard and spreadsheets.
export function toTsv(table: Table): string {
  const lines = table.rows.map((row) => [seriesName(row.labels), row.text, String(row.time)].map(cell).join('\t'));
  return ['series\tvalue\ttime', ...lines].join('\n');
}

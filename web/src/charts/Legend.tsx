// The legend: a row a series with its values, each a switch. A press shows or hides the series; with Ctrl,
// ⌘ or Shift it shows this one alone. It is one stop for Tab; the arrow keys move within.
import { memo, useMemo, useState, type KeyboardEvent, type ReactElement } from 'react';
import type { FrameSeries } from '../model/frame';
import { seriesName, type Labels } from '../model/labels';
import { formatValue, type Unit } from '../model/units';
import { seriesColor } from './theme';
import css from './Legend.module.css';

export interface LegendEntry {
  readonly series: FrameSeries;
  readonly colorIndex: number;
  readonly hidden: boolean;
}

export interface LegendProps {
  readonly entries: readonly LegendEntry[];
  readonly names: readonly string[]; // one per entry
  readonly shared: Labels; // what all entries have
  readonly unit: Unit;
  readonly onToggle: (index: number) => void; // index into entries
  readonly onOnly: (index: number) => void;
  readonly onPoint: (index: number | null) => void;
}

const ROWS = 200; // at first: 1,000 lines with all rows took 3.0 s on a busy machine, with these 1.0 s
const COLUMNS = ['last', 'min', 'mean', 'max'] as const;
type Column = (typeof COLUMNS)[number];

interface Sort {
  readonly column: Column | 'name';
  readonly descending: boolean;
}

function compare(a: LegendEntry, b: LegendEntry, names: readonly string[], ia: number, ib: number, sort: Sort): number {
  const sign = sort.descending ? -1 : 1;
  if (sort.column === 'name') return sign * (names[ia] ?? '').localeCompare(names[ib] ?? '', 'en', { numeric: true });
  const x = a.series[sort.column];
  const y = b.series[sort.column];
  if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y));
  return sign * (x - y);
}

// Arrow keys, Home and End among the rows.
function moveFocus(event: KeyboardEvent<HTMLElement>): void {
  const rows = [...(event.currentTarget.closest('tbody')?.querySelectorAll<HTMLElement>('button') ?? [])];
  const at = rows.indexOf(event.currentTarget);
  const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 }[event.key];
  if (next === undefined) return;
  event.preventDefault();
  rows[Math.max(0, Math.min(next, rows.length - 1))]?.focus();
}

// Drawn again only when its series change: pointing at a thousand rows must not draw a thousand rows.
export const Legend = memo(function Legend({
  entries,
  names,
  shared,
  unit,
  onToggle,
  onOnly,
  onPoint,
}: LegendProps): ReactElement {
  const [limit, setLimit] = useState(ROWS);
  const [sort, setSort] = useState<Sort | null>(null);
  const [active, setActive] = useState(0); // the row that Tab reaches, by its place
  const order = useMemo(() => {
    const all = entries.map((_, i) => i);
    if (sort === null) return all;
    return all.toSorted((a, b) => {
      const x = entries[a];
      const y = entries[b];
      return x === undefined || y === undefined ? 0 : compare(x, y, names, a, b, sort);
    });
  }, [entries, names, sort]);

  const head = (column: Column | 'name', text: string): ReactElement => {
    const sorted = sort?.column === column;
    return (
      <th
        key={column}
        scope="col"
        className={css[column]}
        aria-sort={sorted ? (sort.descending ? 'descending' : 'ascending') : undefined}
      >
        <button
          type="button"
          className={css.sort}
          onClick={() => setSort({ column, descending: sorted ? !sort.descending : column !== 'name' })}
        >
          {text}
          <span aria-hidden="true">{sorted ? (sort.descending ? ' ↓' : ' ↑') : ''}</span>
        </button>
      </th>
    );
  };

  return (
    <div className={css.legend}>
      {Object.keys(shared).length > 0 && (
        <p className={css.shared}>
          All: <code>{seriesName(shared)}</code>
        </p>
      )}
      <div className={css.scroll} tabIndex={entries.length > 6 ? 0 : undefined} role="region" aria-label="Legend">
        <table className={css.table}>
          <thead>
            <tr>
              {head('name', `Series (${entries.length})`)}
              {COLUMNS.map((column) => head(column, column))}
            </tr>
          </thead>
          <tbody onMouseLeave={() => onPoint(null)}>
            {order.slice(0, limit).map((i, place) => {
              const entry = entries[i];
              if (entry === undefined) return null;
              return (
                <tr
                  key={i}
                  className={entry.hidden ? css.hidden : undefined}
                  onMouseEnter={() => onPoint(entry.hidden ? null : i)}
                >
                  <td className={css.name}>
                    <button
                      type="button"
                      aria-pressed={!entry.hidden}
                      className={css.entry}
                      title={seriesName(entry.series.labels)}
                      tabIndex={place === Math.min(active, order.length - 1, limit - 1) ? 0 : -1}
                      onFocus={() => {
                        setActive(place);
                        onPoint(entry.hidden ? null : i);
                      }}
                      onKeyDown={moveFocus}
                      onBlur={() => onPoint(null)}
                      onClick={(event) => {
                        if (event.ctrlKey || event.metaKey || event.shiftKey) onOnly(i);
                        else onToggle(i);
                      }}
                    >
                      <span className={css.swatch} style={{ background: seriesColor(entry.colorIndex) }} />
                      <span className={css.text}>{names[i]}</span>
                    </button>
                  </td>
                  {COLUMNS.map((column) => (
                    <td key={column} className={css[column]}>
                      {formatValue(entry.series[column], unit)}
                    </td>
                  ))}
                </tr>
              );
            })}
          </tbody>
        </table>
        {order.length > limit && (
          <button type="button" className={css.more} onClick={() => setLimit(Infinity)}>
            List all {order.length.toLocaleString('en')}
          </button>
        )}
      </div>
    </div>
  );
});

// An instant answer as a table: what all rows share above, a column a distinguishing label, sorted by a press.
import { useMemo, useState, type ReactElement } from 'react';
import { CopyButton } from '../../components/CopyButton';
import { Hint, Notice } from '../../components/Notice';
import type { QueryData } from '../../model/answers';
import { METRIC_NAME, seriesName } from '../../model/labels';
import { ROWS_MAX, sortRows, toTable, toTsv, type SortKey } from '../../model/table';
import { formatDateTime, type TimeZoneMode } from '../../model/time';
import { formatValue, type Unit } from '../../model/units';
import css from './TableResult.module.css';

export interface TableResultProps {
  readonly data: QueryData;
  readonly unit: Unit;
  readonly zone: TimeZoneMode;
}

export function TableResult({ data, unit, zone }: TableResultProps): ReactElement {
  const table = useMemo(() => toTable(data), [data]);
  const [sort, setSort] = useState<SortKey | null>(null);
  const rows = useMemo(() => sortRows(table.rows, sort), [table, sort]);
  if (rows.length === 0) {
    return (
      <Hint title="No series match at this time">
        <p>Check the metric’s name and labels, or choose another time.</p>
      </Hint>
    );
  }
  const head = (column: string | null, text: string): ReactElement => {
    const active = sort !== null && sort.column === column;
    return (
      <th
        key={column ?? ' value'}
        scope="col"
        className={column === null ? css.value : undefined}
        aria-sort={active ? (sort.descending ? 'descending' : 'ascending') : undefined}
      >
        <button
          type="button"
          className={css.sort}
          onClick={() => setSort({ column, descending: active ? !sort.descending : column === null })}
        >
          {text}
          <span aria-hidden="true">{active ? (sort.descending ? ' ↓' : ' ↑') : ''}</span>
        </button>
      </th>
    );
  };
  const shown = (text: string, value: number): string =>
    Number.isNaN(value) || unit === 'none' ? text : formatValue(value, unit, 5);
  const times = new Set(rows.map((row) => row.time));
  const withTime = times.size > 1;
  return (
    <div className={css.result}>
      {table.rowCount > rows.length && (
        <Notice tone="info">
          Shown are the first {ROWS_MAX.toLocaleString('en')} of {table.rowCount.toLocaleString('en')} rows.
        </Notice>
      )}
      <div className={css.above}>
        {Object.keys(table.shared).length > 0 ? (
          <p className={css.shared}>
            {rows.length > 1 && 'All: '}
            <code>{seriesName(table.shared)}</code>
          </p>
        ) : (
          <span />
        )}
        <CopyButton iconOnly label="Copy as tab-separated text" text={() => toTsv(table)} />
      </div>
      <div className={css.scroll} tabIndex={0} role="region" aria-label="Result">
        <table className={css.table}>
          <thead>
            <tr>
              {table.columns.map((column) => head(column, column === METRIC_NAME ? 'metric' : column))}
              {withTime && <th scope="col">time</th>}
              {head(null, 'value')}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, i) => (
              <tr key={i}>
                {table.columns.map((column) => (
                  <td key={column}>{row.labels[column] ?? ''}</td>
                ))}
                {withTime && <td className={css.time}>{formatDateTime(row.time * 1000, zone, true)}</td>}
                <td className={css.value} title={row.text}>
                  {shown(row.text, row.value)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {!withTime && rows[0] !== undefined && (
        <p className={css.at}>At {formatDateTime(rows[0].time * 1000, zone, true)}</p>
      )}
    </div>
  );
}

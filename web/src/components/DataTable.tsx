// Names and values in rows.
import type { ReactElement, ReactNode } from 'react';
import css from './DataTable.module.css';

export interface DataTableProps {
  readonly label: string;
  readonly head?: readonly [string, string];
  readonly numeric?: boolean; // values are numbers, set flush right
  readonly rows: readonly (readonly [string, ReactNode])[];
}

export function DataTable({ label, head, numeric = false, rows }: DataTableProps): ReactElement {
  const valueClass = numeric ? css.number : undefined;
  return (
    <div className={css.scroll}>
      <table className={css.table} aria-label={label}>
        {head !== undefined && (
          <thead>
            <tr>
              <th scope="col">{head[0]}</th>
              <th scope="col" className={valueClass}>
                {head[1]}
              </th>
            </tr>
          </thead>
        )}
        <tbody>
          {rows.map(([name, value]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td className={valueClass}>{value}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

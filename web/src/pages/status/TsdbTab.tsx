// What the head holds, and which names and labels cost most.
import type { ReactElement } from 'react';
import { useResource } from '../../api/resource';
import { DataTable } from '../../components/DataTable';
import { Loaded } from '../../components/Loaded';
import { Hint } from '../../components/Notice';
import { Panel } from '../../components/Page';
import { useSettings } from '../../components/settings';
import type { CountedName, TsdbStatus } from '../../model/answers';
import { formatDateTime } from '../../model/time';
import { formatValue, type Unit } from '../../model/units';
import css from './Status.module.css';

const FIGURES: readonly (readonly [string, string, 'count' | 'time'])[] = [
  ['numSeries', 'Series', 'count'],
  ['chunkCount', 'Chunks', 'count'],
  ['numLabelPairs', 'Label pairs', 'count'],
  ['minTime', 'Oldest sample', 'time'],
  ['maxTime', 'Newest sample', 'time'],
];

const TABLES: readonly (readonly [keyof TsdbStatus, string, string, Unit])[] = [
  ['seriesCountByMetricName', 'Series by metric name', 'Metric', 'none'],
  ['labelValueCountByLabelName', 'Values by label name', 'Label', 'none'],
  ['seriesCountByLabelValuePair', 'Series by label pair', 'Label pair', 'none'],
  ['memoryInBytesByLabelName', 'Memory by label name', 'Label', 'bytes'],
];

export function TsdbTab(): ReactElement {
  const status = useResource<TsdbStatus>('api/v1/status/tsdb');
  const { zone } = useSettings();
  return (
    <Loaded resource={status} what="the storage status">
      {(data) => (
        <>
          <Panel title="Head">
            <dl className={css.figures}>
              {FIGURES.map(([key, name, kind]) => {
                const value = data.headStats?.[key];
                if (value === undefined || (key === 'chunkCount' && value === 0)) return null; // not every head has chunks
                return (
                  <div key={key} className={css.figure}>
                    <dt>{name}</dt>
                    <dd className={kind === 'time' ? css.small : undefined}>
                      {kind === 'time' ? instant(value, zone) : value.toLocaleString('en')}
                    </dd>
                  </div>
                );
              })}
            </dl>
          </Panel>
          <div className={css.columns}>
            {TABLES.map(([key, title, column, unit]) => (
              <Panel key={key} title={title}>
                <Counted label={title} column={column} unit={unit} rows={(data[key] ?? []) as readonly CountedName[]} />
              </Panel>
            ))}
          </div>
        </>
      )}
    </Loaded>
  );
}

// The head's bounds are the extremes of int64 while it is empty.
function instant(ms: number, zone: 'local' | 'utc'): string {
  return Math.abs(ms) > 8.64e15 ? 'none' : formatDateTime(ms, zone);
}

interface CountedProps {
  readonly label: string;
  readonly column: string;
  readonly unit: Unit;
  readonly rows: readonly CountedName[];
}

function Counted({ label, column, unit, rows }: CountedProps): ReactElement {
  if (rows.length === 0) return <Hint title="Nothing yet" />;
  const most = Math.max(...rows.map((row) => row.value), 1);
  return (
    <DataTable
      label={label}
      head={[column, unit === 'bytes' ? 'Size' : 'Count']}
      numeric
      rows={rows.map((row) => [
        row.name,
        <span key={row.name} className={css.meter}>
          <span className={css.track} aria-hidden="true">
            <span className={css.fill} style={{ width: `${(100 * row.value) / most}%` }} />
          </span>
          {unit === 'bytes' ? formatValue(row.value, 'bytes') : row.value.toLocaleString('en')}
        </span>,
      ])}
    />
  );
}

// The result of one query in each of its states: skeleton, error with its position, graph or table.
import type { ReactElement } from 'react';
import type { ApiError } from '../../api/client';
import type { Load, Outcome } from '../../api/query';
import { Notice, Skeleton } from '../../components/Notice';
import type { QueryData } from '../../model/answers';
import type { ErrorPosition } from '../../model/error_position';
import type { Frame } from '../../model/frame';
import type { Query } from '../../model/link';
import type { ResolvedRange, TimeZoneMode } from '../../model/time';
import type { Unit } from '../../model/units';
import { GraphResult } from './GraphResult';
import { TableResult } from './TableResult';
import css from './QueryPanel.module.css';

interface Locating {
  readonly position: ErrorPosition | undefined; // of the error, in the expression
  readonly onLocate: (offset: number) => void;
}

export interface QueryResultProps extends Locating {
  readonly query: Query;
  readonly name: string;
  readonly graph: Load<Frame>;
  readonly table: Load<QueryData>;
  readonly range: ResolvedRange | undefined; // what the graph shows; undefined when nothing was asked
  readonly unit: Unit;
  readonly zone: TimeZoneMode;
  readonly onZoom: (startMs: number, endMs: number) => void;
  readonly onZoomOut: () => void;
  readonly onPan: (direction: -1 | 1) => void;
}

export function QueryResult(props: QueryResultProps): ReactElement {
  const { query, name, graph, table, range, unit, zone, position, onLocate } = props;
  if (query.tab === 'table') {
    return (
      <Shown load={table} position={position} onLocate={onLocate}>
        {(outcome) => <TableResult data={outcome.value} unit={unit} zone={zone} />}
      </Shown>
    );
  }
  return (
    <Shown load={graph} position={position} onLocate={onLocate}>
      {(outcome) =>
        range !== undefined && (
          <GraphResult
            frame={outcome.value}
            label={`Graph of ${name}`}
            range={range}
            unit={unit}
            zone={zone}
            stacked={query.stacked}
            onZoom={props.onZoom}
            onZoomOut={props.onZoomOut}
            onPan={props.onPan}
          />
        )
      }
    </Shown>
  );
}

interface ShownProps<T> extends Locating {
  readonly load: Load<T>;
  readonly children: (outcome: Outcome<T>) => ReactElement | false;
}

function Shown<T>({ load, position, onLocate, children }: ShownProps<T>): ReactElement {
  switch (load.state) {
    case 'idle':
      return (
        <Notice tone="info" title="Stopped">
          Run again to see the result.
        </Notice>
      );
    case 'failed':
      return <QueryError error={load.error} position={position} onLocate={onLocate} />;
    case 'loading':
    case 'ready': {
      const outcome = load.state === 'ready' ? load.outcome : load.previous;
      if (outcome === undefined) return <Skeleton height="15rem" label="Running the query" />;
      // One element in both states, so that a refresh keeps the plot and what the reader hid.
      return (
        <div className={[css.result, load.state === 'loading' ? css.stale : ''].join(' ')}>
          <Notes outcome={outcome} />
          {children(outcome)}
        </div>
      );
    }
  }
}

function Notes({ outcome }: { readonly outcome: Outcome<unknown> }): ReactElement {
  return (
    <>
      {outcome.warnings.map((text) => (
        <Notice key={text} tone="warn">
          {text}
        </Notice>
      ))}
      {outcome.infos.map((text) => (
        <Notice key={text} tone="info">
          {text}
        </Notice>
      ))}
    </>
  );
}

const ERROR_TITLES: Readonly<Record<string, string>> = {
  bad_data: 'The query is not valid',
  execution: 'The query could not be executed',
  timeout: 'The query took too long',
  canceled: 'The query was cancelled',
  unavailable: 'The server is not ready',
  unreachable: 'No answer',
  too_large: 'The answer is too large',
};

function QueryError({ error, position, onLocate }: Locating & { readonly error: ApiError }): ReactElement {
  return (
    <Notice
      tone="bad"
      title={ERROR_TITLES[error.kind] ?? 'The query failed'}
      action={
        position !== undefined && (
          <button type="button" className={css.locate} onClick={() => onLocate(position.offset)}>
            Line {position.line}, column {position.column}
          </button>
        )
      }
    >
      {error.message}
    </Notice>
  );
}

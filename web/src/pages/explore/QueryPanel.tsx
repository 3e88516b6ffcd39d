// One query: its editor, its result as graph or table, and what can be done with it.
import { lazy, Suspense, useEffect, useMemo, useRef, useState, type ReactElement } from 'react';
import { useMetadata } from '../../api/metadata';
import { promqlBase, apiFetch } from '../../api/resource';
import { formatQuery, useInstantQuery, useRangeQuery, type Load } from '../../api/query';
import { IconButton, Segmented } from '../../components/Button';
import type { EditorHandle } from '../../components/editor/PromqlEditor';
import { Notice } from '../../components/Notice';
import type { QueryData } from '../../model/answers';
import { errorPosition } from '../../model/error_position';
import type { Frame, Grid } from '../../model/frame';
import type { Query, Tab } from '../../model/link';
import type { TitledQuery } from '../../model/promql_split';
import { metricNames, unitOfQuery } from '../../model/promql_unit';
import type { ResolvedRange, TimeZoneMode } from '../../model/time';
import { isUnit, UNIT_NAMES, unitOfMetadata, unitOfMetric, type Unit } from '../../model/units';
import { QueryResult } from './QueryResult';
import type { IdentifiedQuery, Run } from './useExploreView';
import css from './QueryPanel.module.css';

const PromqlEditor = lazy(() => import('../../components/editor/PromqlEditor'));

export interface PanelTime {
  readonly range: ResolvedRange; // what is shown
  readonly grid: Grid; // what is asked
  readonly run: Run;
}

export interface QueryPanelProps {
  readonly query: IdentifiedQuery;
  readonly letter: string;
  readonly time: PanelTime | undefined; // undefined: do not ask
  readonly zone: TimeZoneMode;
  readonly onLoading: (id: string, loading: boolean) => void;
  readonly onType: (text: string) => void;
  readonly onRun: () => void;
  readonly onChange: (change: Partial<Query>) => void;
  readonly onDuplicate: () => void;
  readonly onRemove: () => void;
  readonly onPaste: (queries: readonly TitledQuery[], replaces: boolean) => void;
  readonly onZoom: (startMs: number, endMs: number) => void;
  readonly onZoomOut: () => void;
  readonly onPan: (direction: -1 | 1) => void;
}

const TABS = [
  { value: 'graph', label: 'Graph' },
  { value: 'table', label: 'Table' },
] as const;

const editorBase = promqlBase();

export function QueryPanel(props: QueryPanelProps): ReactElement {
  const { query, letter, time, onLoading } = props;
  const active = time !== undefined && !query.disabled && query.expr !== '';
  const graph = useRangeQuery(
    active && query.tab === 'graph' ? { expr: query.expr, grid: time.grid, run: time.run.number } : null,
  );
  const table = useInstantQuery(
    active && query.tab === 'table' ? { expr: query.expr, timeMs: time.range.endMs, run: time.run.number } : null,
  );
  const load: Load<Frame | QueryData> = query.tab === 'graph' ? graph : table;
  const loading = load.state === 'loading';
  useEffect(() => {
    onLoading(query.id, loading);
    return () => onLoading(query.id, false);
  }, [query.id, loading, onLoading]);

  const metrics = useMemo(() => metricNames(query.expr), [query.expr]);
  const metric = metrics.length === 1 ? metrics[0] : undefined;
  const metadata = useMetadata(metric);
  const guessed = useMemo(() => guessUnit(query.expr, metadata?.unit ?? ''), [query.expr, metadata]);

  const editor = useRef<EditorHandle>(null);
  const position =
    load.state === 'failed' && query.draft === query.expr ? errorPosition(load.error.message, query.expr) : undefined;
  const { onType } = props;
  const [unformatted, setUnformatted] = useState({ draft: '', message: '' });
  const format = (): void => {
    const { draft } = query;
    formatQuery(draft).then(onType, (error: unknown) => {
      setUnformatted({ draft, message: error instanceof Error ? error.message : String(error) });
    });
  };
  const name = query.title === '' ? `Query ${letter}` : query.title;

  return (
    <section className={[css.panel, query.disabled ? css.disabled : ''].join(' ')} aria-label={name}>
      <header className={css.head}>
        <span className={css.letter} aria-hidden="true">
          {letter}
        </span>
        <input
          className={css.title}
          aria-label={`Title of query ${letter}`}
          placeholder="Untitled query"
          value={query.title}
          maxLength={200}
          onChange={(event) => props.onChange({ title: event.target.value })}
        />
        <IconButton
          icon={query.disabled ? 'eyeOff' : 'eye'}
          label={query.disabled ? 'Enable query' : 'Disable query'}
          aria-pressed={query.disabled}
          onClick={() => props.onChange({ disabled: !query.disabled })}
        />
        <IconButton icon="format" label="Format expression" disabled={query.draft.trim() === ''} onClick={format} />
        <IconButton icon="duplicate" label="Duplicate query" onClick={props.onDuplicate} />
        <IconButton icon="close" variant="danger" label="Remove query" onClick={props.onRemove} />
      </header>
      <Suspense fallback={<pre className={css.editorPending}>{query.draft === '' ? ' ' : query.draft}</pre>}>
        <PromqlEditor
          label={`Expression of query ${letter}`}
          value={query.draft}
          placeholder="Metric or expression, e.g. rate(http_requests_total[5m])"
          errorOffset={position?.offset ?? null}
          apiBase={editorBase}
          fetcher={apiFetch}
          onChange={props.onType}
          onRun={props.onRun}
          onPasteQueries={props.onPaste}
          handle={editor}
        />
      </Suspense>
      {unformatted.message !== '' && unformatted.draft === query.draft && (
        <Notice tone="bad" title="The expression cannot be formatted">
          {unformatted.message}
        </Notice>
      )}
      {metadata !== undefined && metadata.help !== '' && (
        <p className={css.help}>
          <code>{metric}</code> · {metadata.type} · {metadata.help}
        </p>
      )}
      {query.expr !== '' && !query.disabled && (
        <>
          <div className={css.bar}>
            <Segmented<Tab>
              label="Result as"
              value={query.tab}
              options={TABS}
              onChange={(tab) => props.onChange({ tab })}
            />
            <Figures load={load} />
            <span className={css.spacer} />
            {query.tab === 'graph' && (
              <label className={css.check}>
                <input
                  type="checkbox"
                  checked={query.stacked}
                  onChange={(event) => props.onChange({ stacked: event.target.checked })}
                />
                Stacked
              </label>
            )}
            <UnitPicker query={query} guessed={guessed} onChange={props.onChange} />
          </div>
          <QueryResult
            query={query}
            name={name}
            graph={graph}
            table={table}
            range={time?.range}
            unit={query.unit === 'auto' ? guessed : query.unit}
            zone={props.zone}
            position={position}
            onLocate={(offset) => editor.current?.focus(offset)}
            onZoom={props.onZoom}
            onZoomOut={props.onZoomOut}
            onPan={props.onPan}
          />
        </>
      )}
    </section>
  );
}

function plural(count: number, one: string): string {
  const number = count.toLocaleString('en');
  return `${number} ${count === 1 || one === 'series' ? one : `${one}s`}`;
}

function samplesOf(load: Load<Frame | QueryData>): string | undefined {
  if (load.state !== 'ready' || !('series' in load.outcome.value)) return undefined;
  return plural(load.outcome.value.sampleCount, 'sample');
}

// How much came and how long it took; also what a screen reader hears when a run ends.
function Figures({ load }: { readonly load: Load<Frame | QueryData> }): ReactElement {
  const text = ((): string => {
    switch (load.state) {
      case 'idle':
        return '';
      case 'loading':
        return 'Running…';
      case 'failed':
        return '';
      case 'ready': {
        const { value, tookMs } = load.outcome;
        const took = `${Math.max(1, Math.round(tookMs)).toLocaleString('en')} ms`;
        if ('series' in value) return `${plural(value.seriesCount, 'series')} · ${took}`;
        const rows =
          value.resultType === 'vector' || value.resultType === 'matrix'
            ? plural(value.result.length, 'series')
            : value.resultType;
        return `${rows} · ${took}`;
      }
    }
  })();
  return (
    <span className={css.figures} role="status" title={samplesOf(load)}>
      {text}
    </span>
  );
}

// A name's own suffix says more than metadata, which seldom has a unit.
function guessUnit(expr: string, metadataUnit: string): Unit {
  return unitOfQuery(expr, (name) => {
    const unit = unitOfMetric(name);
    return unit === 'none' ? unitOfMetadata(metadataUnit) : unit;
  });
}

interface UnitPickerProps {
  readonly query: Query;
  readonly guessed: Unit;
  readonly onChange: (change: Partial<Query>) => void;
}

function UnitPicker({ query, guessed, onChange }: UnitPickerProps): ReactElement {
  return (
    <label className={css.unit}>
      <span className="visually-hidden">Unit</span>
      <select
        value={query.unit}
        onChange={(event) => onChange({ unit: isUnit(event.target.value) ? event.target.value : 'auto' })}
      >
        <option value="auto">{UNIT_NAMES[guessed]} (auto)</option>
        {Object.entries(UNIT_NAMES).map(([unit, name]) => (
          <option key={unit} value={unit}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

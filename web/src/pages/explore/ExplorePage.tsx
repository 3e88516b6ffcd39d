// Explore: queries, each with its editor and result, over one time range.
import { useEffect, useMemo, useState, type ReactElement } from 'react';
import { Button, Segmented } from '../../components/Button';
import { Page } from '../../components/Page';
import { Notice } from '../../components/Notice';
import type { Layout } from '../../model/link';
import { absoluteRange, alignToStep, autoStep, pan, parseDuration, resolveRange, zoomOut } from '../../model/time';
import { ExampleQueries } from './ExampleQueries';
import { MetricBrowser } from './MetricBrowser';
import { QueryPanel, type PanelTime } from './QueryPanel';
import { RangePicker, RefreshPicker, StepPicker } from './TimeControls';
import { useExploreView } from './useExploreView';
import css from './Explore.module.css';

// Several panels load at once; the set of those that do decides between Run and Stop.
function useLoadingSet(): readonly [boolean, (id: string, loading: boolean) => void] {
  const [loading, setLoading] = useState<ReadonlySet<string>>(new Set());
  const report = useMemo(
    () =>
      (id: string, isLoading: boolean): void =>
        setLoading((was) => {
          if (was.has(id) === isLoading) return was;
          const next = new Set(was);
          if (isLoading) next.add(id);
          else next.delete(id);
          return next;
        }),
    [],
  );
  return [loading.size > 0, report];
}

export default function ExplorePage(): ReactElement {
  const state = useExploreView();
  const { view, queries, run, halted } = state;
  const [loading, reportLoading] = useLoadingSet();
  const [browsing, setBrowsing] = useState(false);

  const refreshMs = parseDuration(view.refresh) ?? 0;
  const { refresh } = state;
  useEffect(() => {
    if (refreshMs <= 0) return;
    const timer = setInterval(() => {
      if (!document.hidden) refresh();
    }, refreshMs);
    return () => clearInterval(timer);
  }, [refreshMs, refresh]);

  const range = useMemo(() => resolveRange(view.range, run.nowMs), [view.range, run.nowMs]);
  const time = useMemo((): PanelTime | undefined => {
    if (range === undefined) return undefined;
    const stepMs = view.step === 'auto' ? autoStep(range) : (parseDuration(view.step) ?? autoStep(range));
    return { range, grid: { ...alignToStep(range, stepMs), stepMs }, run };
  }, [range, view.step, run]);

  const showRange = (next: { readonly startMs: number; readonly endMs: number }): void =>
    state.change({ range: absoluteRange(next.startMs, next.endMs) });
  const blank = queries.length === 1 && queries[0]?.expr === '' && queries[0].draft === '';

  return (
    <Page
      title="Explore"
      toolbar={
        <>
          <RangePicker
            range={view.range}
            zone={view.zone}
            onRange={(next) => state.change({ range: next })}
            onZone={state.changeZone}
            onPan={(direction) => range !== undefined && showRange(pan(range, direction))}
            onZoomOut={() => range !== undefined && showRange(zoomOut(range, Date.now()))}
          />
          <StepPicker
            step={view.step}
            autoMs={range === undefined ? 0 : autoStep(range)}
            onStep={(step) => state.change({ step })}
          />
          <RefreshPicker refresh={view.refresh} onRefresh={(next) => state.change({ refresh: next })} />
          <span className={css.layout}>
            <Segmented<Layout>
              label="Layout"
              value={view.layout}
              options={[
                { value: 'list', label: 'One below the other', icon: 'list' },
                { value: 'side', label: 'Side by side', icon: 'side' },
              ]}
              onChange={(layout) => state.change({ layout })}
            />
          </span>
          {loading ? (
            <Button icon="stop" variant="primary" onClick={state.stop} className={css.run}>
              Stop
            </Button>
          ) : (
            <Button
              icon="run"
              variant="primary"
              onClick={state.runAll}
              className={css.run}
              title="Run all queries (Ctrl+Enter)"
            >
              Run
            </Button>
          )}
        </>
      }
    >
      {time === undefined && (
        <Notice tone="bad" title="The time range cannot be read">
          {view.range.from} to {view.range.to}: the start must be before the end.
        </Notice>
      )}
      <div className={view.layout === 'side' ? css.side : css.list}>
        {queries.map((query, i) => (
          <QueryPanel
            key={query.id}
            query={query}
            letter={letterOf(i)}
            time={halted ? undefined : time}
            zone={view.zone}
            onLoading={reportLoading}
            onType={(text) => state.type(query.id, text)}
            onRun={state.runAll}
            onChange={(change) => state.changeQuery(query.id, change)}
            onDuplicate={() => state.duplicate(query.id)}
            onRemove={() => state.remove(query.id)}
            onPaste={(list, replaces) => state.paste(query.id, list, replaces)}
            onZoom={(startMs, endMs) => showRange({ startMs, endMs })}
            onZoomOut={() => range !== undefined && showRange(zoomOut(range, Date.now()))}
            onPan={(direction) => range !== undefined && showRange(pan(range, direction))}
          />
        ))}
      </div>
      <div className={css.below}>
        <Button icon="add" onClick={() => state.add()}>
          Add query
        </Button>
        <Button icon="search" onClick={() => setBrowsing(true)}>
          Browse metrics
        </Button>
      </div>
      {browsing && (
        <MetricBrowser
          onClose={() => setBrowsing(false)}
          onPick={(expr) => {
            setBrowsing(false);
            state.add(expr);
          }}
        />
      )}
      {blank && <ExampleQueries onOpen={state.open} />}
    </Page>
  );
}

// A, B, …, Z, A1, B1, …
function letterOf(index: number): string {
  const round = Math.floor(index / 26);
  return String.fromCharCode(65 + (index % 26)) + (round === 0 ? '' : String(round));
}

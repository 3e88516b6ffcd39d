// A frame as graph and legend. Draws a bounded number of series and says so; which ones the reader hid
// lives as long as the panel.
import { useCallback, useMemo, useState, type ReactElement } from 'react';
import { Legend, type LegendEntry } from '../../charts/Legend';
import type { ChartSeries } from '../../charts/chart';
import { LineChart } from '../../charts/LineChart';
import { Button } from '../../components/Button';
import { Hint, Notice } from '../../components/Notice';
import { pickDrawn, type Frame } from '../../model/frame';
import { seriesName, shortNames, splitShared } from '../../model/labels';
import type { ResolvedRange, TimeZoneMode } from '../../model/time';
import type { Unit } from '../../model/units';

// 100 lines of 300 points draw in some milliseconds and can still be told apart by pointing; 1,000 can be
// looked at as a whole.
const DRAWN = 100;
const DRAWN_MAX = 1000;

export interface GraphResultProps {
  readonly frame: Frame;
  readonly label: string;
  readonly range: ResolvedRange;
  readonly unit: Unit;
  readonly zone: TimeZoneMode;
  readonly stacked: boolean;
  readonly onZoom: (startMs: number, endMs: number) => void;
  readonly onZoomOut: () => void;
  readonly onPan: (direction: -1 | 1) => void;
}

export function GraphResult(props: GraphResultProps): ReactElement {
  const { frame, label, range, unit, zone, stacked } = props;
  const [limit, setLimit] = useState(DRAWN);
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [pointed, setPointed] = useState<number | null>(null);

  const entries = useMemo(
    (): LegendEntry[] =>
      pickDrawn(frame.series, limit).flatMap((index, i) => {
        const series = frame.series[index];
        return series === undefined ? [] : [{ series, colorIndex: i, hidden: hidden.has(seriesName(series.labels)) }];
      }),
    [frame, limit, hidden],
  );
  const { shared, names } = useMemo(() => {
    const sets = entries.map((entry) => entry.series.labels);
    const common = sets.length > 1 ? splitShared(sets).shared : {};
    return { shared: common, names: shortNames(sets, common) };
  }, [entries]);
  const visible = useMemo(() => entries.map((_, i) => i).filter((i) => entries[i]?.hidden === false), [entries]);
  const drawn = useMemo(
    (): ChartSeries[] =>
      visible.flatMap((i) => {
        const entry = entries[i];
        if (entry === undefined) return [];
        const { series, colorIndex } = entry;
        const shortName = names[i] ?? '';
        return [{ name: nameOf(series.labels), shortName, colorIndex, values: series.values }];
      }),
    [entries, names, visible],
  );

  const keys = useMemo(() => entries.map((entry) => seriesName(entry.series.labels)), [entries]);
  const toggle = useCallback((i: number): void => setHidden((was) => toggled(was, keys[i] ?? '')), [keys]);
  const only = useCallback((i: number): void => setHidden((was) => alone(was, keys, i)), [keys]);

  if (frame.seriesCount === 0 && frame.histogramCount === 0) {
    return (
      <Hint title="No series match in this range">
        <p>Check the metric’s name and labels, or take a longer range.</p>
      </Hint>
    );
  }
  const highlighted = pointed === null ? -1 : visible.indexOf(pointed);

  return (
    <>
      <Omitted frame={frame} shown={entries.length} limit={limit} onMore={() => setLimit(DRAWN_MAX)} />
      <LineChart
        label={`${label}, ${drawn.length} series`}
        times={frame.times}
        series={drawn}
        startMs={range.startMs}
        endMs={range.endMs}
        unit={unit}
        zone={zone}
        stacked={stacked}
        highlighted={highlighted === -1 ? null : highlighted}
        onZoom={props.onZoom}
        onZoomOut={props.onZoomOut}
        onPan={props.onPan}
      />
      <Legend
        entries={entries}
        names={names}
        shared={shared}
        unit={unit}
        onToggle={toggle}
        onOnly={only}
        onPoint={setPointed}
      />
    </>
  );
}

function toggled(was: ReadonlySet<string>, key: string): ReadonlySet<string> {
  const next = new Set(was);
  if (!next.delete(key)) next.add(key);
  return next;
}

// Hides all others; all are back when this one was alone already.
function alone(was: ReadonlySet<string>, keys: readonly string[], i: number): ReadonlySet<string> {
  const others = keys.filter((_, j) => j !== i);
  const wasAlone = !was.has(keys[i] ?? '') && others.every((key) => was.has(key));
  return wasAlone ? new Set() : new Set(others);
}

function nameOf(labels: Readonly<Record<string, string>>): string {
  return Object.keys(labels).length === 0 ? 'value' : seriesName(labels);
}

interface OmittedProps {
  readonly frame: Frame;
  readonly shown: number;
  readonly limit: number;
  readonly onMore: () => void;
}

// What is not drawn, and why.
function Omitted({ frame, shown, limit, onMore }: OmittedProps): ReactElement {
  const more = Math.min(DRAWN_MAX, frame.series.length);
  return (
    <>
      {shown < frame.seriesCount && (
        <Notice tone="info" action={limit < more && <Button onClick={onMore}>Draw {more.toLocaleString('en')}</Button>}>
          Drawn are the {shown.toLocaleString('en')} series with the highest peaks of{' '}
          {frame.seriesCount.toLocaleString('en')}. Aggregate (<code>sum by (…)</code>) or choose (
          <code>topk(10, …)</code>) to see the others.
        </Notice>
      )}
      {frame.histogramCount > 0 && (
        <Notice tone="info">
          {frame.histogramCount.toLocaleString('en')} series hold native histograms, which a graph draws through{' '}
          <code>histogram_quantile</code> or <code>histogram_avg</code>.
        </Notice>
      )}
    </>
  );
}

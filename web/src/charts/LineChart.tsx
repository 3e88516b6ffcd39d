// Series over time on a canvas: lines or stacked areas, a tooltip that names the nearest series, drag to
// zoom, and the same by keyboard. uPlot draws; this file tells it what and answers the reader.
import { useEffect, useMemo, useRef, useState, type KeyboardEvent, type ReactElement } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { extent, stackColumns } from '../model/frame';
import { formatDateTime, type TimeZoneMode } from '../model/time';
import { formatAxis, formatValue, type Unit } from '../model/units';
import type { ChartSeries, Drawn, Reading } from './chart';
import { areaPath, layerAt, linePath, nearestColumn } from './paths';
import { SERIES_COLORS, useChartTheme, type ChartTheme } from './theme';
import { formatTimeAxis } from './time_axis';
import { Tooltip } from './Tooltip';
import css from './LineChart.module.css';

export interface LineChartProps {
  readonly label: string; // what the graph shows, for screen readers
  readonly times: Float64Array; // seconds
  readonly series: readonly ChartSeries[];
  readonly startMs: number;
  readonly endMs: number;
  readonly unit: Unit;
  readonly zone: TimeZoneMode;
  readonly stacked: boolean;
  readonly highlighted: number | null; // index of the series that the legend points at
  readonly onZoom: (startMs: number, endMs: number) => void;
  readonly onZoomOut: () => void;
  readonly onPan: (direction: -1 | 1) => void;
}

const DRAG_PIXELS_MIN = 4;
// Emphasis redraws every line as the pointer moves: 200 of them take some milliseconds.
const EMPHASIZED_MAX = 200;

// Steps of an axis of bytes, 2^-4 … 2^60: 64 MiB and not 57.2 MiB.
const POWERS_OF_TWO = Array.from({ length: 65 }, (_, i) => 2 ** (i - 4));

function useDrawn({
  times,
  series,
  stacked,
  startMs,
  endMs,
}: LineChartProps): Drawn & { readonly times: Float64Array } {
  return useMemo(() => {
    const values = series.map((each) => each.values);
    const columns = stacked ? stackColumns(values) : values;
    const [low, high] = extent(columns) ?? [0, 1];
    const padded = uPlot.rangeNum(stacked ? Math.min(0, low) : low, high, 0.08, true);
    return {
      times,
      columns,
      x: [startMs / 1000, endMs / 1000],
      y: [padded[0] ?? 0, padded[1] ?? 1],
    };
  }, [times, series, stacked, startMs, endMs]);
}

function seriesOptions(colorIndex: number, theme: ChartTheme, stacked: boolean, alone: boolean): uPlot.Series {
  const color = theme.series[colorIndex % SERIES_COLORS] ?? theme.axis;
  return {
    stroke: color,
    width: stacked ? 1 : 1.5,
    fill: stacked ? translucent(color, 0.45) : alone ? translucent(color, 0.1) : '',
    points: { show: false },
    paths: (plot, index, from, to) => ({
      stroke: linePath(plot, index, from, to),
      fill: stacked || alone ? areaPath(plot, index, from, to, stacked) : null,
      clip: null,
      band: null,
      gaps: [],
      flags: 0,
    }),
  };
}

function translucent(rgb: string, alpha: number): string {
  return rgb.startsWith('rgb(') ? rgb.replace('rgb(', 'rgba(').replace(')', `, ${alpha})`) : rgb;
}

export function LineChart(props: LineChartProps): ReactElement {
  const { label, series, unit, zone, stacked, highlighted, onZoom, onZoomOut, onPan } = props;
  const theme = useChartTheme();
  const drawn = useDrawn(props);
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [reading, setReading] = useState<Reading | null>(null);
  // What the long-lived plot reads when an event comes.
  const live = useRef({ drawn, onZoom, stacked });
  live.current = { drawn, onZoom, stacked };

  const colors = series.map((each) => each.colorIndex).join(',');
  useEffect(() => {
    const element = host.current;
    if (element === null) return;
    const indexes = colors === '' ? [] : colors.split(',').map(Number);
    const options: uPlot.Options = {
      width: Math.max(element.clientWidth, 50),
      height: Math.max(element.clientHeight, 50),
      padding: [8, 12, 0, 0],
      legend: { show: false },
      ...(zone === 'utc' ? { tzDate: (seconds: number) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC') } : {}),
      focus: { alpha: 0.18 },
      cursor: {
        y: false,
        points: { show: false },
        drag: { x: true, y: false, setScale: false, dist: DRAG_PIXELS_MIN },
        sync: { key: 'time', setSeries: false },
      },
      scales: {
        x: { time: true, range: () => [...live.current.drawn.x] },
        y: { range: () => [...live.current.drawn.y] },
      },
      axes: [
        {
          stroke: theme.axis,
          font: theme.font,
          grid: { stroke: theme.grid, width: 1 },
          ticks: { show: false },
          size: 28,
          gap: 8,
          space: 80,
          values: (_, splits, __, ___, increment) => formatTimeAxis(splits, increment, zone),
        },
        {
          stroke: theme.axis,
          font: theme.font,
          grid: { stroke: theme.grid, width: 1 },
          ticks: { show: false },
          gap: 8,
          space: 36,
          size: (self, texts) => axisWidth(self, texts, theme.font),
          values: (_, splits) => formatAxis(splits, unit),
          ...(unit === 'bytes' || unit === 'bytes/s' ? { incrs: POWERS_OF_TWO } : {}),
        },
      ],
      series: [{}, ...indexes.map((index) => seriesOptions(index, theme, stacked, indexes.length === 1))],
      hooks: {
        setCursor: [
          (self) => {
            const { idx, left = -1, top = -1 } = self.cursor;
            const here = element.matches(':hover');
            if (idx === null || idx === undefined || left < 0 || !here) {
              setReading(null);
              return;
            }
            const { columns } = live.current.drawn;
            const value = self.posToVal(top, 'y');
            const nearest = live.current.stacked ? layerAt(columns, idx, value) : nearestColumn(columns, idx, value);
            setReading(nearest === -1 ? null : { at: idx, series: nearest, left, top });
          },
        ],
        setSelect: [
          (self) => {
            const { left, width } = self.select;
            if (width < DRAG_PIXELS_MIN) return;
            const from = self.posToVal(left, 'x') * 1000;
            const to = self.posToVal(left + width, 'x') * 1000;
            self.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
            live.current.onZoom(Math.round(from), Math.round(to));
          },
        ],
      },
    };
    const { times, columns } = live.current.drawn;
    const created = new uPlot(options, [times, ...columns], element);
    plot.current = created;
    const resized = new ResizeObserver(() => {
      created.setSize({ width: Math.max(element.clientWidth, 50), height: Math.max(element.clientHeight, 50) });
    });
    resized.observe(element);
    return () => {
      resized.disconnect();
      created.destroy();
      plot.current = null;
    };
  }, [colors, stacked, theme, unit, zone]);

  useEffect(() => {
    const created = plot.current;
    if (created === null || created.data.length !== drawn.columns.length + 1) return;
    if (created.data[0] !== drawn.times || created.data[1] !== drawn.columns[0]) {
      created.setData([drawn.times, ...drawn.columns]);
    }
    setReading((was) =>
      was !== null && was.at < drawn.times.length && was.series < drawn.columns.length ? was : null,
    );
  }, [drawn, colors, stacked, theme, unit, zone]);

  const emphasizable = series.length > 1 && series.length <= EMPHASIZED_MAX;
  const emphasized = highlighted ?? (emphasizable ? (reading?.series ?? null) : null);
  useEffect(() => {
    plot.current?.setSeries(emphasized === null ? null : emphasized + 1, { focus: emphasized !== null });
  }, [emphasized, colors, stacked, theme, unit, zone]);

  const readAt = (at: number, which: number): void => {
    const created = plot.current;
    const seconds = drawn.times[at];
    if (created === null || seconds === undefined || series.length === 0) return;
    const index = (which + series.length) % series.length;
    const value = drawn.columns[index]?.[at] ?? NaN;
    const left = created.valToPos(seconds, 'x');
    const top = Number.isFinite(value) ? created.valToPos(value, 'y') : 0;
    created.setCursor({ left, top }, false);
    setReading({ at, series: index, left, top });
  };

  const pressed = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const at = reading?.at ?? drawn.times.length - 1;
    const which = reading?.series ?? 0;
    const stride = event.shiftKey ? 10 : 1;
    const actions: Record<string, () => void> = {
      ArrowLeft: () => readAt(Math.max(0, reading === null ? at : at - stride), which),
      ArrowRight: () => readAt(Math.min(drawn.times.length - 1, at + stride), which),
      ArrowUp: () => readAt(at, which - 1),
      ArrowDown: () => readAt(at, which + 1),
      Home: () => readAt(0, which),
      End: () => readAt(drawn.times.length - 1, which),
      Escape: () => setReading(null),
      '+': () => {
        const center = (drawn.times[at] ?? 0) * 1000;
        const quarter = (props.endMs - props.startMs) / 4;
        onZoom(Math.round(center - quarter), Math.round(center + quarter));
      },
      '-': onZoomOut,
      '[': () => onPan(-1),
      ']': () => onPan(1),
    };
    const action = actions[event.key === '=' ? '+' : event.key];
    if (action === undefined) return;
    event.preventDefault();
    action();
  };

  return (
    <div
      role="application"
      aria-roledescription="graph"
      aria-label={`${label}. Arrow keys read values, plus and minus zoom.`}
      tabIndex={0}
      className={css.chart}
      onKeyDown={pressed}
      onBlur={() => setReading(null)}
      onDoubleClick={onZoomOut}
    >
      <div ref={host} className={css.host} aria-hidden="true" />
      {reading !== null && <Tooltip {...props} reading={reading} plot={plot.current} drawn={drawn} />}
      <p className="visually-hidden" aria-live="polite">
        {reading === null ? '' : describe(props, reading)}
      </p>
    </div>
  );
}

function describe({ times, series, zone, unit }: LineChartProps, { at, series: index }: Reading): string {
  const each = series[index];
  if (each === undefined) return '';
  const time = formatDateTime((times[at] ?? 0) * 1000, zone);
  const value = each.values[at] ?? NaN;
  return `${time}: ${each.name}: ${Number.isNaN(value) ? 'no sample' : formatValue(value, unit, 5)}`;
}

function axisWidth(self: uPlot, texts: string[] | null, font: string): number {
  if (texts === null || texts.length === 0) return 40;
  self.ctx.save();
  self.ctx.font = font;
  const widest = Math.max(...texts.map((text) => self.ctx.measureText(text).width));
  self.ctx.restore();
  return Math.ceil(widest) + 14;
}

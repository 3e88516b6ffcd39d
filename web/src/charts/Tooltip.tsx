// What stands beside the pointer: the time, the series it points at in full, and some others.
import type { ReactElement } from 'react';
import type uPlot from 'uplot';
import { formatDateTime, type TimeZoneMode } from '../model/time';
import { formatValue, type Unit } from '../model/units';
import type { ChartSeries, Drawn, Reading } from './chart';
import { seriesColor } from './theme';
import css from './LineChart.module.css';

const TOOLTIP_ROWS = 6;
const TOOLTIP_GAP = 14; // pixels
const TOOLTIP_WIDTH_MAX = 400;

export interface TooltipProps {
  readonly times: Float64Array;
  readonly series: readonly ChartSeries[];
  readonly unit: Unit;
  readonly zone: TimeZoneMode;
  readonly stacked: boolean;
  readonly reading: Reading;
  readonly plot: uPlot | null;
  readonly drawn: Drawn;
}

// The nearest series first and in full, then a few more: of lines the next nearest, of layers the thickest.
export function Tooltip({
  times,
  series,
  unit,
  zone,
  stacked,
  reading,
  plot,
  drawn,
}: TooltipProps): ReactElement | null {
  const nearest = series[reading.series];
  if (plot === null || nearest === undefined) return null;
  const { at } = reading;
  const center = drawn.columns[reading.series]?.[at] ?? NaN;
  const others = series
    .map((each, i) => {
      const value = each.values[at] ?? NaN;
      return { each, i, away: stacked ? -value : Math.abs(value - center) };
    })
    .filter(({ i, away }) => i !== reading.series && !Number.isNaN(away))
    .toSorted((a, b) => a.away - b.away)
    .slice(0, TOOLTIP_ROWS - 1);
  const pixel = window.devicePixelRatio;
  const plotLeft = plot.bbox.left / pixel;
  const plotTop = plot.bbox.top / pixel;
  const width = plot.bbox.width / pixel;
  const x = plotLeft + plot.valToPos(times[at] ?? 0, 'x');
  const y = Number.isFinite(center) ? plotTop + plot.valToPos(center, 'y') : plotTop;
  // On the side with more room, and no wider than it.
  const total = plotLeft + width;
  const onRight = x < total / 2;
  const side = onRight
    ? { left: x + TOOLTIP_GAP, maxWidth: Math.min(TOOLTIP_WIDTH_MAX, total - x - TOOLTIP_GAP) }
    : { right: `calc(100% - ${x - TOOLTIP_GAP}px)`, maxWidth: Math.min(TOOLTIP_WIDTH_MAX, x - TOOLTIP_GAP) };
  return (
    <>
      {Number.isFinite(center) && (
        <span className={css.dot} style={{ left: x, top: y, background: seriesColor(nearest.colorIndex) }} />
      )}
      <div className={css.tooltip} data-testid="tooltip" aria-hidden="true" style={{ ...side, top: plotTop }}>
        <p className={css.time}>{formatDateTime((times[at] ?? 0) * 1000, zone)}</p>
        <p className={css.value}>
          <span className={css.swatch} style={{ background: seriesColor(nearest.colorIndex) }} />
          {formatValue(nearest.values[at] ?? NaN, unit, 5)}
        </p>
        <p className={css.name}>{nearest.name}</p>
        {others.length > 0 && (
          <ul className={css.others}>
            {others.map(({ each, i }) => (
              <li key={i}>
                <span className={css.swatch} style={{ background: seriesColor(each.colorIndex) }} />
                <span className={css.otherName}>{each.shortName}</span>
                <span className={css.otherValue}>{formatValue(each.values[at] ?? NaN, unit)}</span>
              </li>
            ))}
          </ul>
        )}
      </div>
    </>
  );
}

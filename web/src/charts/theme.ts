// The tokens as a canvas needs them: resolved colours, anew when the theme changes.
import { useSyncExternalStore } from 'react';

export interface ChartTheme {
  readonly grid: string;
  readonly axis: string;
  readonly cursor: string;
  readonly surface: string;
  readonly font: string;
  readonly series: readonly string[];
}

export const SERIES_COLORS = 12;

// The CSS name of the colour of series `index`; the palette repeats.
export function seriesColor(index: number): string {
  return `var(--series-${(index % SERIES_COLORS) + 1})`;
}

// light-dark() is resolved on elements, not in custom properties, so an element is asked.
function resolve(): ChartTheme {
  const probe = document.createElement('span');
  probe.hidden = true;
  document.body.append(probe);
  const color = (name: string): string => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const theme: ChartTheme = {
    grid: color('chart-grid'),
    axis: color('chart-axis'),
    cursor: color('chart-cursor'),
    surface: color('surface'),
    font: `11px ${getComputedStyle(document.body).fontFamily}`,
    series: Array.from({ length: SERIES_COLORS }, (_, i) => color(`series-${i + 1}`)),
  };
  probe.remove();
  return theme;
}

let current: ChartTheme | undefined;
const listeners = new Set<() => void>();

function renew(): void {
  current = resolve();
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  if (listeners.size === 0) {
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', renew);
    observer.observe(document.documentElement, { attributeFilter: ['data-theme'] });
  }
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    matchMedia('(prefers-color-scheme: dark)').removeEventListener('change', renew);
    observer.disconnect();
    current = undefined;
  };
}

const observer = new MutationObserver(renew);

export function useChartTheme(): ChartTheme {
  return useSyncExternalStore(subscribe, () => (current ??= resolve()));
}

// The Explore view and the link that restores it.
//
//   /explore?q1=<expr>&q1.title=<text>&q1.tab=table&q1.off=1&q1.stack=1&q1.unit=bytes&q2=…
//           &from=now-1h&to=now&step=15s&refresh=10s&tz=utc&layout=side
//
// What has its default is left out. Links of Prometheus' own pages (`/graph?g0.expr=…`, `/query?…`) are
// read as well; the first graph's range, end and step become the page's.
import { DEFAULT_RANGE, parseDuration, parseInstant, type TimeRange, type TimeZoneMode } from './time';
import { isUnit, type Unit } from './units';

export type Tab = 'graph' | 'table';
export type Layout = 'list' | 'side';

export interface Query {
  readonly expr: string;
  readonly title: string;
  readonly tab: Tab;
  readonly disabled: boolean;
  readonly stacked: boolean;
  readonly unit: Unit | 'auto';
}

export interface ExploreView {
  readonly queries: readonly Query[];
  readonly range: TimeRange;
  readonly step: string; // a duration, or 'auto'
  readonly refresh: string; // a duration, or '' for none
  readonly zone: TimeZoneMode;
  readonly layout: Layout;
}

export const EMPTY_QUERY: Query = {
  expr: '',
  title: '',
  tab: 'graph',
  disabled: false,
  stacked: false,
  unit: 'auto',
};

export const QUERIES_MAX = 50;

export function emptyView(zone: TimeZoneMode): ExploreView {
  return { queries: [EMPTY_QUERY], range: DEFAULT_RANGE, step: 'auto', refresh: '', zone, layout: 'list' };
}

function durationOr(text: string | null, otherwise: string): string {
  const ms = text === null ? undefined : parseDuration(text);
  return text !== null && ms !== undefined && ms > 0 ? text : otherwise;
}

// `otherwiseZone` is the reader's own setting, which a link overrides only when it names a zone.
export function parseView(search: URLSearchParams, otherwiseZone: TimeZoneMode): ExploreView {
  const queries: Query[] = [];
  for (let i = 1; i <= QUERIES_MAX; i += 1) {
    const expr = search.get(`q${i}`);
    if (expr === null) break;
    const unit = search.get(`q${i}.unit`) ?? '';
    queries.push({
      expr,
      title: search.get(`q${i}.title`) ?? '',
      tab: search.get(`q${i}.tab`) === 'table' ? 'table' : 'graph',
      disabled: search.get(`q${i}.off`) === '1',
      stacked: search.get(`q${i}.stack`) === '1',
      unit: isUnit(unit) ? unit : 'auto',
    });
  }
  const range = { from: search.get('from') ?? DEFAULT_RANGE.from, to: search.get('to') ?? DEFAULT_RANGE.to };
  const valid = parseInstant(range.from, 1e12) !== undefined && parseInstant(range.to, 1e12) !== undefined;
  const zone = search.get('tz');
  return {
    queries: queries.length === 0 ? [EMPTY_QUERY] : queries,
    range: valid ? range : DEFAULT_RANGE,
    step: durationOr(search.get('step'), 'auto'),
    refresh: durationOr(search.get('refresh'), ''),
    zone: zone === 'utc' || zone === 'local' ? zone : otherwiseZone,
    layout: search.get('layout') === 'side' ? 'side' : 'list',
  };
}

export function formatView(view: ExploreView): URLSearchParams {
  const search = new URLSearchParams();
  const only = view.queries.length === 1 ? view.queries[0] : undefined;
  if (only === undefined || only.expr !== '' || only.title !== '') {
    view.queries.forEach((query, i) => {
      const name = `q${i + 1}`;
      search.set(name, query.expr);
      if (query.title !== '') search.set(`${name}.title`, query.title);
      if (query.tab !== 'graph') search.set(`${name}.tab`, query.tab);
      if (query.disabled) search.set(`${name}.off`, '1');
      if (query.stacked) search.set(`${name}.stack`, '1');
      if (query.unit !== 'auto') search.set(`${name}.unit`, query.unit);
    });
  }
  if (view.range.from !== DEFAULT_RANGE.from || view.range.to !== DEFAULT_RANGE.to) {
    search.set('from', view.range.from);
    search.set('to', view.range.to);
  }
  if (view.step !== 'auto') search.set('step', view.step);
  if (view.refresh !== '') search.set('refresh', view.refresh);
  if (view.zone !== 'local') search.set('tz', view.zone);
  if (view.layout !== 'list') search.set('layout', view.layout);
  return search;
}

// A link of Prometheus 2 (`tab=0` is the graph) or 3 (`tab=graph`) as ours; undefined when it has no query.
export function fromPrometheusLink(search: URLSearchParams): ExploreView | undefined {
  const queries: Query[] = [];
  for (let i = 0; i < QUERIES_MAX; i += 1) {
    const expr = search.get(`g${i}.expr`);
    if (expr === null) break;
    const tab = search.get(`g${i}.tab`);
    const isGraph = tab === '0' || tab === 'graph';
    const stacked = search.get(`g${i}.stacked`) === '1' || search.get(`g${i}.display_mode`) === 'stacked';
    queries.push({ ...EMPTY_QUERY, expr, tab: isGraph ? 'graph' : 'table', stacked });
  }
  if (queries.length === 0) return undefined;
  const width = durationOr(search.get('g0.range_input'), '1h');
  const end = search.get('g0.end_input') ?? search.get('g0.moment_input');
  const endMs = end === null ? undefined : parseInstant(end, 0);
  const range =
    endMs === undefined
      ? { from: `now-${width}`, to: 'now' }
      : {
          from: new Date(endMs - (parseDuration(width) ?? 0)).toISOString(),
          to: new Date(endMs).toISOString(),
        };
  const stepText = search.get('g0.step_input');
  const step = stepText !== null && /^\d+$/.test(stepText) ? `${stepText}s` : stepText;
  return { ...emptyView('local'), queries, range, step: durationOr(step, 'auto') };
}

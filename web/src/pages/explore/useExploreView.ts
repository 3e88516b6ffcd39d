// The Explore page's state. The URL is the truth of what was run; beside it stand only what has been typed
// and not run yet, the identity of the queries (kept in the history entry), and the run number with its clock.
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { navigate, useLocation } from '../../components/navigation';
import { changeSettings, useSettings } from '../../components/settings';
import {
  EMPTY_QUERY,
  formatView,
  fromPrometheusLink,
  parseView,
  QUERIES_MAX,
  type ExploreView,
  type Query,
} from '../../model/link';
import type { TitledQuery } from '../../model/promql_split';
import type { TimeZoneMode } from '../../model/time';

export interface IdentifiedQuery extends Query {
  readonly id: string;
  readonly draft: string; // what the editor shows
}

export interface Run {
  readonly number: number;
  readonly nowMs: number; // what `now` means in this run
}

export interface ExploreState {
  readonly view: ExploreView;
  readonly queries: readonly IdentifiedQuery[];
  readonly run: Run;
  readonly halted: boolean; // the reader stopped this run
  readonly runAll: () => void;
  readonly refresh: () => void;
  readonly stop: () => void;
  readonly change: (change: Partial<Omit<ExploreView, 'queries' | 'zone'>>) => void;
  readonly changeZone: (zone: TimeZoneMode) => void;
  readonly changeQuery: (id: string, change: Partial<Query>) => void;
  readonly type: (id: string, text: string) => void;
  readonly add: (expr?: string) => void; // with an expression: in an empty query if there is one, and runs
  readonly duplicate: (id: string) => void;
  readonly remove: (id: string) => void;
  readonly paste: (id: string, queries: readonly TitledQuery[], replaces: boolean) => void;
  readonly open: (queries: readonly TitledQuery[]) => void; // instead of what is there
}

interface Draft {
  readonly base: string; // the expression it was typed over; a draft over another one is stale
  readonly text: string;
}

function idsOf(state: unknown, count: number): string[] {
  const known: unknown = typeof state === 'object' && state !== null && 'ids' in state ? state.ids : undefined;
  if (Array.isArray(known) && known.length === count && known.every((id) => typeof id === 'string')) return known;
  return Array.from({ length: count }, (_, i) => `link-${i}`);
}

export function useExploreView(): ExploreState {
  const { search, state, path } = useLocation();
  const { zone } = useSettings();
  const [drafts, setDrafts] = useState<Readonly<Record<string, Draft>>>({});
  const [run, setRun] = useState<Run>(() => ({ number: 0, nowMs: Date.now() }));
  const [haltedRun, setHaltedRun] = useState(-1);
  const counter = useRef(0);

  const parameters = useMemo(() => new URLSearchParams(search), [search]);
  const upstream = useMemo(() => fromPrometheusLink(parameters), [parameters]);
  const view = useMemo(() => upstream ?? parseView(parameters, zone), [upstream, parameters, zone]);
  useEffect(() => {
    if (upstream !== undefined && path === '/explore') {
      navigate(`/explore?${formatView(upstream).toString()}`, { replace: true });
    }
  }, [upstream, path]);

  const queries = useMemo(() => {
    const ids = idsOf(state, view.queries.length);
    return view.queries.map((query, i): IdentifiedQuery => {
      const id = ids[i] ?? `link-${i}`;
      const draft = drafts[id];
      return { ...query, id, draft: draft !== undefined && draft.base === query.expr ? draft.text : query.expr };
    });
  }, [view, state, drafts]);

  const rerun = useCallback(() => setRun((was) => ({ number: was.number + 1, nowMs: Date.now() })), []);
  const newId = (): string => {
    counter.current += 1;
    return `${Date.now().toString(36)}-${counter.current}`;
  };
  const go = (next: ExploreView, list: readonly IdentifiedQuery[], replace = false): void => {
    const plain = list.map(({ id: _id, draft: _draft, ...query }) => query);
    const text = formatView({ ...next, queries: plain }).toString();
    const same = `?${text}` === search || (text === '' && search === '');
    navigate(`/explore${text === '' ? '' : `?${text}`}`, {
      replace: replace || same,
      state: { ids: list.map((query) => query.id) },
    });
  };
  const fresh = (query: Partial<Query> = {}): IdentifiedQuery => {
    const full = { ...EMPTY_QUERY, ...query };
    return { ...full, id: newId(), draft: full.expr };
  };

  const titled = (list: readonly TitledQuery[]): IdentifiedQuery[] =>
    list.map(({ title, expr }) => fresh({ title, expr }));

  return {
    view,
    queries,
    run,
    halted: haltedRun === run.number,
    runAll: () => {
      go(
        view,
        queries.map((query) => ({ ...query, expr: query.draft.trim() })),
      );
      setDrafts({});
      rerun();
    },
    refresh: rerun,
    stop: () => setHaltedRun(run.number),
    change: (change) => {
      go({ ...view, ...change }, queries);
      rerun();
    },
    changeZone: (next) => {
      changeSettings({ zone: next });
      go({ ...view, zone: next }, queries, true);
    },
    changeQuery: (id, change) =>
      go(
        view,
        queries.map((query) => (query.id === id ? { ...query, ...change } : query)),
        true,
      ),
    type: (id, text) => {
      const base = queries.find((query) => query.id === id)?.expr;
      if (base !== undefined) setDrafts((was) => ({ ...was, [id]: { base, text } }));
    },
    add: (expr) => {
      const blank = expr === undefined ? undefined : queries.find((query) => query.draft.trim() === '');
      const next =
        blank === undefined
          ? [...queries, fresh({ expr: expr ?? '' })]
          : queries.map((query) => (query === blank ? { ...query, expr: expr ?? '' } : query));
      go(view, next.slice(0, QUERIES_MAX));
      if (expr !== undefined) rerun();
    },
    duplicate: (id) =>
      go(
        view,
        queries
          .flatMap((query) => (query.id === id ? [query, { ...query, id: newId(), expr: query.draft }] : [query]))
          .slice(0, QUERIES_MAX),
      ),
    remove: (id) => {
      const rest = queries.filter((query) => query.id !== id);
      go(view, rest.length === 0 ? [fresh()] : rest);
    },
    paste: (id, list, replaces) => {
      const pasted = titled(list);
      go(
        view,
        queries
          .flatMap((query) => {
            if (query.id !== id) return [query];
            return replaces || query.draft.trim() === '' ? pasted : [{ ...query, expr: query.draft }, ...pasted];
          })
          .slice(0, QUERIES_MAX),
      );
      rerun();
    },
    open: (list) => {
      go(view, titled(list));
      rerun();
    },
  };
}

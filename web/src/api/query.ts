// Hooks that run queries. A new expression, range or run number aborts the request under way; an answer
// that is being replaced stays as `previous`, so that a refresh does not blank the graph.
import { useEffect, useState } from 'react';
import type { Notes, QueryData } from '../model/answers';
import type { Frame, Grid } from '../model/frame';
import { ApiError, getJson, parseEnvelope, readBody, send } from './client';
import { decodeFrame } from './decode';

export interface Outcome<T> extends Notes {
  readonly value: T;
  readonly tookMs: number; // from sending to decoded
}

export type Load<T> =
  | { readonly state: 'idle' }
  | { readonly state: 'loading'; readonly previous: Outcome<T> | undefined }
  | { readonly state: 'failed'; readonly error: ApiError }
  | { readonly state: 'ready'; readonly outcome: Outcome<T> };

export interface RangeRequest {
  readonly expr: string;
  readonly grid: Grid;
  readonly run: number; // a new number runs the same query again
}

export interface InstantRequest {
  readonly expr: string;
  readonly timeMs: number;
  readonly run: number;
}

async function fetchRange({ expr, grid }: RangeRequest, signal: AbortSignal): Promise<Outcome<Frame>> {
  const started = performance.now();
  const response = await send('api/v1/query_range', signal, {
    query: expr,
    start: String(grid.startMs / 1000),
    end: String(grid.endMs / 1000),
    step: String(grid.stepMs / 1000),
  });
  if (!response.ok) parseEnvelope(await response.text(), response.status);
  const { frame, warnings, infos } = await decodeFrame(await readBody(response), grid);
  return { value: frame, tookMs: performance.now() - started, warnings, infos };
}

async function fetchInstant({ expr, timeMs }: InstantRequest, signal: AbortSignal): Promise<Outcome<QueryData>> {
  const started = performance.now();
  const form = { query: expr, time: String(timeMs / 1000) };
  const { data, warnings, infos } = await getJson<QueryData>('api/v1/query', signal, form);
  return { value: data, tookMs: performance.now() - started, warnings, infos };
}

function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  return new ApiError('unknown', error instanceof Error ? error.message : String(error));
}

// Runs `fetcher` whenever the request differs; null is idle and keeps the last answer for the next run.
function useLoad<R, T>(request: R | null, fetcher: (request: R, signal: AbortSignal) => Promise<Outcome<T>>): Load<T> {
  const [loaded, setLoaded] = useState<{ readonly key: string; readonly load: Load<T> } | null>(null);
  const key = request === null ? null : JSON.stringify(request); // equal requests are equal texts
  useEffect(() => {
    if (key === null) return;
    const abort = new AbortController();
    fetcher(JSON.parse(key) as R, abort.signal).then(
      (outcome) => {
        if (!abort.signal.aborted) setLoaded({ key, load: { state: 'ready', outcome } });
      },
      (error: unknown) => {
        if (!abort.signal.aborted) setLoaded({ key, load: { state: 'failed', error: asApiError(error) } });
      },
    );
    return () => abort.abort();
  }, [key, fetcher]);
  if (key === null) return { state: 'idle' };
  if (loaded?.key === key) return loaded.load;
  return { state: 'loading', previous: loaded?.load.state === 'ready' ? loaded.load.outcome : undefined };
}

// The expression as the server would write it. Throws ApiError.
export async function formatQuery(expr: string): Promise<string> {
  const { data } = await getJson<string>('api/v1/format_query', new AbortController().signal, { query: expr });
  return data;
}

export function useRangeQuery(request: RangeRequest | null): Load<Frame> {
  return useLoad(request, fetchRange);
}

export function useInstantQuery(request: InstantRequest | null): Load<QueryData> {
  return useLoad(request, fetchInstant);
}

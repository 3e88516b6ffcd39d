// Hook for what is read whole: status, targets, metadata. Reloads on demand or every `refreshMs`.
import { useCallback, useEffect, useState } from 'react';
import { ApiError, apiUrl, askPlain, getJson } from './client';

export type Resource<T> =
  | { readonly state: 'loading' }
  | { readonly state: 'failed'; readonly error: ApiError; readonly reload: () => void }
  | { readonly state: 'ready'; readonly data: T; readonly loadedAtMs: number; readonly reload: () => void };

type Loaded<T> =
  | { readonly state: 'loading' }
  | { readonly state: 'failed'; readonly error: ApiError }
  | { readonly state: 'ready'; readonly data: T; readonly loadedAtMs: number };

export interface ResourceOptions<T> {
  readonly refreshMs?: number; // 0: only on demand
  readonly absent?: T; // the answer that a 404 stands for; a constant
  readonly plain?: boolean; // the answer is the data, without Prometheus' envelope
}

export function useResource<T>(path: string, options: ResourceOptions<T> = {}): Resource<T> {
  const { refreshMs = 0, absent, plain = false } = options;
  const [loaded, setLoaded] = useState<Loaded<T>>({ state: 'loading' });
  const [run, setRun] = useState(0);
  const reload = useCallback(() => setRun((n) => n + 1), []);
  useEffect(() => {
    const abort = new AbortController();
    const answer = plain
      ? askPlain<T>(path, { signal: abort.signal })
      : getJson<T>(path, abort.signal).then(({ data }) => data);
    answer.then(
      (data) => setLoaded({ state: 'ready', data, loadedAtMs: Date.now() }),
      (error: unknown) => {
        if (abort.signal.aborted) return;
        const failure = error instanceof ApiError ? error : new ApiError('unknown', String(error));
        if (failure.status === 404 && absent !== undefined) {
          setLoaded({ state: 'ready', data: absent, loadedAtMs: Date.now() });
        } else {
          setLoaded({ state: 'failed', error: failure });
        }
      },
    );
    return () => abort.abort();
  }, [path, run, absent, plain]);
  useEffect(() => {
    if (refreshMs <= 0) return;
    const timer = setInterval(() => {
      if (!document.hidden) setRun((n) => n + 1);
    }, refreshMs);
    return () => clearInterval(timer);
  }, [refreshMs]);
  return loaded.state === 'loading' ? loaded : { ...loaded, reload };
}

// For components that ask the API themselves through a library (the editor's completion).
export const apiFetch: typeof fetch = (input, init) => fetch(input, init);

export function promqlBase(): string {
  return apiUrl('').replace(/\/$/, '');
}

// Type, help and unit of one metric. Answers are kept for the life of the page: metadata hardly changes.
import { useEffect, useState } from 'react';
import type { MetricMetadata } from '../model/answers';
import { ApiError, getJson } from './client';

const known = new Map<string, MetricMetadata>();
const KNOWN_MAX = 1000;

// A histogram's or summary's series carry suffixes that its metadata does not.
function namesToTry(metric: string): string[] {
  const base = metric.replace(/_(?:bucket|sum|count|total)$/, '');
  return base === metric ? [metric] : [metric, base];
}

async function fetchMetadata(metric: string, signal: AbortSignal): Promise<MetricMetadata | null> {
  for (const name of namesToTry(metric)) {
    const path = `api/v1/metadata?limit_per_metric=1&metric=${encodeURIComponent(name)}`;
    // One after the other: the second is asked only when the first is unknown.
    // oxlint-disable-next-line no-await-in-loop
    const { data } = await getJson<Readonly<Record<string, readonly MetricMetadata[]>>>(path, signal);
    const found = data[name]?.[0];
    if (found !== undefined) return found;
  }
  return null;
}

// undefined while unknown and when the server has none. A failure is like none: metadata is an ornament.
export function useMetadata(metric: string | undefined): MetricMetadata | undefined {
  const [, setArrived] = useState(0);
  useEffect(() => {
    if (metric === undefined || known.has(metric)) return;
    const abort = new AbortController();
    fetchMetadata(metric, abort.signal)
      .catch((error: unknown) => {
        if (error instanceof ApiError) return null;
        throw error;
      })
      .then(
        (found) => {
          if (known.size >= KNOWN_MAX) known.clear();
          if (found !== null) known.set(metric, found);
          setArrived((n) => n + 1);
        },
        () => undefined, // aborted
      );
    return () => abort.abort();
  }, [metric]);
  return metric === undefined ? undefined : known.get(metric);
}

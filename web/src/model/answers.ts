// Shapes of the server's answers, as far as the pages read them (Prometheus' HTTP API, and our own under
// /api/kw/v1).
import type { Labels } from './labels';

export type SamplePair = readonly [number, string];

export interface HistogramSample {
  readonly count: string;
  readonly sum: string;
}

export interface VectorRow {
  readonly metric: Labels;
  readonly value?: SamplePair;
  readonly histogram?: readonly [number, HistogramSample];
}

export interface MatrixSeries {
  readonly metric: Labels;
  readonly values?: readonly SamplePair[];
  readonly histograms?: readonly (readonly [number, HistogramSample])[];
}

export type QueryData =
  | { readonly resultType: 'vector'; readonly result: readonly VectorRow[] }
  | { readonly resultType: 'matrix'; readonly result: readonly MatrixSeries[] }
  | { readonly resultType: 'scalar' | 'string'; readonly result: SamplePair };

export interface Notes {
  readonly warnings: readonly string[];
  readonly infos: readonly string[];
}

export type Health = 'up' | 'down' | 'unknown';

export interface ActiveTarget {
  readonly discoveredLabels: Labels;
  readonly labels: Labels;
  readonly scrapePool: string;
  readonly scrapeUrl: string;
  readonly globalUrl?: string;
  readonly lastError: string;
  readonly lastScrape: string;
  readonly lastScrapeDuration: number; // seconds
  readonly health: Health;
  readonly scrapeInterval?: string;
  readonly scrapeTimeout?: string;
}

export interface DroppedTarget {
  readonly discoveredLabels: Labels;
  readonly scrapePool?: string;
}

export interface TargetsData {
  readonly activeTargets: readonly ActiveTarget[];
  readonly droppedTargets: readonly DroppedTarget[];
  readonly droppedTargetCounts?: Readonly<Record<string, number>>;
}

export interface CountedName {
  readonly name: string;
  readonly value: number;
}

export interface TsdbStatus {
  readonly headStats?: Readonly<Record<string, number>>;
  readonly seriesCountByMetricName?: readonly CountedName[];
  readonly labelValueCountByLabelName?: readonly CountedName[];
  readonly memoryInBytesByLabelName?: readonly CountedName[];
  readonly seriesCountByLabelValuePair?: readonly CountedName[];
}

export interface ConfigWarning {
  readonly file: string;
  readonly line: number;
  readonly key: string;
  readonly message: string;
}

export interface MetricMetadata {
  readonly type: string;
  readonly help: string;
  readonly unit: string;
}

// What the parts of a chart share.

export interface ChartSeries {
  readonly name: string; // in full
  readonly shortName: string; // what tells it from the others
  readonly colorIndex: number;
  readonly values: Float64Array; // one per time, NaN where absent
}

// What the reader points at.
export interface Reading {
  readonly at: number; // index into times
  readonly series: number; // nearest series
  readonly left: number; // CSS pixels within the plot
  readonly top: number;
}

// What is on the canvas.
export interface Drawn {
  readonly columns: readonly Float64Array[]; // as drawn: stacked sums or the values
  readonly x: readonly [number, number];
  readonly y: readonly [number, number];
}

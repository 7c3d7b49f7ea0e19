/** The figures that a cluster's processes tell CloudWatch, in the namespace `imgcls`: each once, with its unit. */
interface Metric {
  unit: 'Count' | 'Count/Second' | 'Milliseconds' | 'None';
  /** `sum`: of what was recorded since the last report. `values`: each value counts for itself. */
  kind: 'sum' | 'values';
  /** Told apart by this, besides by cluster. Its values are few. */
  dimension?: 'Model' | 'Code' | 'Queue';
}

export const metrics = {
  // Of workers.
  /** Images that got a prediction. */
  ImagesClassified: { unit: 'Count', kind: 'sum', dimension: 'Model' },
  /** Images that got an error, by its code. */
  ImageErrors: { unit: 'Count', kind: 'sum', dimension: 'Code' },
  /** Of one worker, each time that it reports while it has batches. */
  ImagesPerSecond: { unit: 'Count/Second', kind: 'values' },
  /** From the sending of a message to its receipt by a worker, by the clocks of both. */
  QueueWaitMs: { unit: 'Milliseconds', kind: 'values', dimension: 'Queue' },
  /** From the receipt of a message to its acknowledgement. */
  BatchLatencyMs: { unit: 'Milliseconds', kind: 'values', dimension: 'Queue' },
  /** Of an image, the mean of what a model runner had at once. */
  DecodeMs: { unit: 'Milliseconds', kind: 'values', dimension: 'Model' },
  InferenceMs: { unit: 'Milliseconds', kind: 'values', dimension: 'Model' },
  /** Model runners that ended early, and had to be started again. */
  RunnerRestarts: { unit: 'Count', kind: 'sum' },

  // Of the controller, at each of its ticks.
  /** Messages that no worker has. */
  BacklogMessages: { unit: 'Count', kind: 'values' },
  /** Messages that workers have. */
  InFlightMessages: { unit: 'Count', kind: 'values' },
  /** Images in both, estimated. */
  BacklogImages: { unit: 'Count', kind: 'values' },
  /** Machines that there should be, and those that work or could. */
  FleetDesired: { unit: 'Count', kind: 'values' },
  FleetReady: { unit: 'Count', kind: 'values' },
  FleetBooting: { unit: 'Count', kind: 'values' },
  Launches: { unit: 'Count', kind: 'sum' },
  /** Machines that were asked for and not launched. */
  LaunchRefusals: { unit: 'Count', kind: 'sum' },
  /** What the workers' machines cost an hour; absent while a price is not known. */
  HourlyCostUsd: { unit: 'None', kind: 'values' },
  /** What they have cost since the last report: its sum over a day is what the day has cost. */
  SpentUsd: { unit: 'None', kind: 'sum' },
} as const satisfies Record<string, Metric>;

export type MetricName = keyof typeof metrics;

/** Takes figures down as they come about. */
export interface Meter {
  /** @param of the value of the metric's own dimension, where it has one. */
  record(name: MetricName, value: number, of?: string): void;
  /** Reports what has been recorded since the last time. */
  flush(): void;
}

/** Takes nothing down. */
export const noMeter: Meter = { record() {}, flush() {} };

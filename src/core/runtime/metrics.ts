/** A metric in CloudWatch, in the namespace `imgcls`. */
interface Metric {
  unit: 'Count' | 'Count/Second' | 'Milliseconds' | 'None';
  /** `sum`: reports the sum since the last report. `values`: reports each value. */
  kind: 'sum' | 'values';
  /** A dimension besides the cluster. It has few values. */
  dimension?: 'Model' | 'Code' | 'Queue';
}

export const metrics = {
  // Of workers.
  /** Images that got a prediction. */
  ImagesClassified: { unit: 'Count', kind: 'sum', dimension: 'Model' },
  /** Images that got an error, by its code. */
  ImageErrors: { unit: 'Count', kind: 'sum', dimension: 'Code' },
  /** Of one worker, in each report while it has batches. */
  ImagesPerSecond: { unit: 'Count/Second', kind: 'values' },
  /** From the sending of a message to its receipt, by the clocks of queue and worker. */
  QueueWaitMs: { unit: 'Milliseconds', kind: 'values', dimension: 'Queue' },
  /** From the receipt of a message to its acknowledgement. */
  BatchLatencyMs: { unit: 'Milliseconds', kind: 'values', dimension: 'Queue' },
  /** Per image, as the mean over the images that a model runner processed together. */
  DecodeMs: { unit: 'Milliseconds', kind: 'values', dimension: 'Model' },
  InferenceMs: { unit: 'Milliseconds', kind: 'values', dimension: 'Model' },
  /** Model runners that crashed and were started again. */
  RunnerRestarts: { unit: 'Count', kind: 'sum' },

  // Of the controller, at each tick.
  /** Messages that wait. */
  BacklogMessages: { unit: 'Count', kind: 'values' },
  /** Messages that workers hold. */
  InFlightMessages: { unit: 'Count', kind: 'values' },
  /** Images in both, estimated. */
  BacklogImages: { unit: 'Count', kind: 'values' },
  /** Machines that the policy wants, and machines that are ready or busy. */
  FleetDesired: { unit: 'Count', kind: 'values' },
  FleetReady: { unit: 'Count', kind: 'values' },
  FleetBooting: { unit: 'Count', kind: 'values' },
  Launches: { unit: 'Count', kind: 'sum' },
  /** Machines that were requested and not launched. */
  LaunchRefusals: { unit: 'Count', kind: 'sum' },
  /** Cost of the workers' machines per hour; absent while a price is unknown. */
  HourlyCostUsd: { unit: 'None', kind: 'values' },
  /** Cost since the last report. The sum over a day is the cost of the day. */
  SpentUsd: { unit: 'None', kind: 'sum' },
} as const satisfies Record<string, Metric>;

export type MetricName = keyof typeof metrics;

/** Records metrics. */
export interface Meter {
  /** @param dimensionValue the value of the metric's own dimension, if it has one. */
  record(name: MetricName, value: number, dimensionValue?: string): void;
  /** Reports what was recorded since the last report. */
  flush(): void;
}

/** Records nothing. */
export const noMeter: Meter = { record() {}, flush() {} };

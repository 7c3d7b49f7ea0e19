interface Phase {
  /** The milestone that ends it. */
  until: string;
  leastSeconds: number;
  mostSeconds: number;
}

/**
 * Phases of the boot of a worker on EC2, from its launch on, as they are estimated. docs/aws.md has whose measurements the figures
 * are; none is of a whole boot of imgcls on EC2.
 */
const PHASES: readonly Phase[] = [
  { until: 'kernelMs', leastSeconds: 5, mostSeconds: 17 },
  { until: 'processMs', leastSeconds: 5, mostSeconds: 8 },
  { until: 'modelReadyMs', leastSeconds: 7, mostSeconds: 21 },
  { until: 'firstResultMs', leastSeconds: 1, mostSeconds: 1 },
];

/** `5 to 17 s` from the launch to this milestone. Undefined if there is no estimate. */
export function bootEstimate(milestone: string): string | undefined {
  const last = PHASES.findIndex(({ until }) => until === milestone);
  if (last === -1) return undefined;
  const passed = PHASES.slice(0, last + 1);
  const least = passed.reduce((sum, { leastSeconds }) => sum + leastSeconds, 0);
  const most = passed.reduce((sum, { mostSeconds }) => sum + mostSeconds, 0);
  return `${least} to ${most} s`;
}

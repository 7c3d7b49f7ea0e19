/** How kind the simulated world is. */

export interface World {
  /** Median time from launch to ready; lognormal. With a sigma of 0 all boots are equal. */
  bootMs: number;
  bootSigma: number;
  /** This share of the boots takes this many times as long. */
  slowBootShare: number;
  slowBootFactor: number;
  /** This share of the machines never becomes ready. */
  deadBootShare: number;
  /** Share of launches that are refused because of missing capacity. */
  refusedShare: number;
  /** Losses of a machine per hour, without notice. Its message is redelivered when the lease expires. */
  lossesPerHour: number;
  /** Workers per hour that stop working and reporting, and keep their message. */
  hangsPerHour: number;
  /** This share of the machines works at this share of the speed. */
  slowMachineShare: number;
  slowMachineSpeed: number;
  leaseMs: number;
  billingMinimumMs: number;
  /** A queue's counts are up to this old, and off by a lognormal factor of this sigma. */
  countDelayMs: number;
  countSigma: number;
  /** Listings of jobs, workers and machines are up to this old. */
  listingDelayMs: number;
  /** Share of the reads of a queue or a listing that fail, as calls over an API's limit do. */
  unreadableShare: number;
  /** Time that the submission of a thousand images takes. The job is sealed after it. */
  submitMsPerThousand: number;
}

/** 71.53 s is the published time of the baseline from launch to booted instance (arXiv 2305.01634). */
const ideal: World = {
  bootMs: 71_530,
  bootSigma: 0.1,
  slowBootShare: 0,
  slowBootFactor: 1,
  deadBootShare: 0,
  refusedShare: 0,
  lossesPerHour: 0,
  hangsPerHour: 0,
  slowMachineShare: 0,
  slowMachineSpeed: 1,
  leaseMs: 60_000,
  billingMinimumMs: 60_000,
  countDelayMs: 0,
  countSigma: 0,
  listingDelayMs: 0,
  unreadableShare: 0,
  submitMsPerThousand: 0,
};

/**
 * Worse than AWS on an ordinary day. SQS promises its counts within a minute of the last change; lags of some seconds are usual.
 * Spot instances of common types are lost in a few percent of a month, here 0.2 times an hour.
 */
const unkind: World = {
  ...ideal,
  bootSigma: 0.2,
  slowBootShare: 0.03,
  slowBootFactor: 3,
  deadBootShare: 0.01,
  refusedShare: 0.05,
  lossesPerHour: 0.2,
  hangsPerHour: 0.05,
  slowMachineShare: 0.05,
  slowMachineSpeed: 0.5,
  countDelayMs: 10_000,
  countSigma: 0.1,
  listingDelayMs: 5000,
  unreadableShare: 0.02,
  submitMsPerThousand: 500,
};

export const worlds = { ideal, unkind } as const;
export type WorldName = keyof typeof worlds;

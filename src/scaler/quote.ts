/** An estimate of a job's time and cost before it runs. Pure: the policy decides how many machines. */
import { batchCount, batchEnd, largestBatch } from '../core/job/batches.ts';
import { dollars } from '../core/money/money.ts';
import { REQUEST_USD } from '../core/money/prices.ts';
import { decide } from './policy/decide.ts';
import { capOf, type JobCap } from './policy/job-caps.ts';
import type { PolicySettings } from './policy/policy.ts';
import { idleLimitMs } from './policy/retire.ts';
import type { Measured } from './snapshot.ts';

/** The totals of a job's inputs. */
export interface QuoteInputs {
  images: number;
  bytes: number;
  /** Images that have their predictions already: no machine works on them. Absent: none. */
  knownImages?: number;
}

export interface Quote extends QuoteInputs {
  messages: number;
  machines: number;
  /** The policy's reason for that number. */
  reason: string;
  warnings: readonly string[];
  /** From now. */
  firstResultMs: number;
  /** From now; undefined if the job would not be done. */
  drainMs: number | undefined;
  /** Cost of the machines until they end; undefined if their price is unknown. */
  machineUsd: number | undefined;
  /** The same job with other numbers of machines. */
  choices: readonly QuoteChoice[];
}

/** Limits of the job itself. */
export interface QuoteLimits {
  /** Time to its deadline. */
  dueInMs?: number;
  maxCostUsd?: number;
}

export interface QuoteChoice {
  machines: number;
  drainMs: number;
  machineUsd: number | undefined;
  /** Whether it meets the deadline; absent without one. */
  isInTime?: boolean;
  /** Whether it costs at most as much as the job may; absent without a limit or a price. */
  isWithinCost?: boolean;
}

/** Requests to S3 and SQS, charged in addition to the machines. */
export interface RequestQuote {
  s3Put: number;
  s3Get: number;
  sqs: number;
  usd: number;
}

const HOUR_MS = 3_600_000;
const NOTHING_TO_DO: Omit<Quote, keyof QuoteInputs> = {
  messages: 0,
  machines: 0,
  reason: 'all images have predictions already',
  warnings: [],
  firstResultMs: 0,
  drainMs: 0,
  machineUsd: 0,
  choices: [],
};
/** More than a thousand machines are no choice of a person. */
const SHOWN_CHOICES = 10;
/** Stands for the job's id in warnings. */
const QUOTED = '(this one)';

/** Assumes an empty cluster and no other job: with running machines the job is faster and cheaper. */
export function quote(
  inputs: QuoteInputs,
  settings: PolicySettings,
  measured: Measured,
  limits: QuoteLimits = {},
): Quote {
  const images = inputs.images - (inputs.knownImages ?? 0);
  if (images === 0) return { ...inputs, ...NOTHING_TO_DO };
  const messages = batchCount(images);
  const { target, reason, warnings } = decide(
    {
      backlog: { waiting: messages, inFlight: 0, delayed: 0, images },
      machines: [],
      jobs: [{ id: QUOTED, totalImages: images, costUsd: 0, doneImages: 0, ...limits }],
      measured,
      throughputImagesPerSecond: 0,
    },
    // The limit per tick only spreads the launches over more ticks.
    { ...settings, maxLaunchPerTick: settings.max },
    { sinceLaunchMs: undefined, recentlyNeeded: 0, arrivals: [] },
  );
  const drainMs = target === 0 ? undefined : drainMsOf(images, target, measured);
  const fullUsd = machineUsd(target, drainMs, settings);
  const cap = capOf(limits, settings);
  const isCapped = fullUsd !== undefined && fullUsd > cap.usd;
  return {
    ...inputs,
    messages,
    machines: target,
    reason,
    warnings: isCapped ? [...warnings, whyUnfinished(cap, fullUsd)] : warnings,
    firstResultMs: measured.bootMs + imagesMs(Math.min(images, batchEnd(0)), measured),
    drainMs: isCapped ? undefined : drainMs,
    machineUsd: isCapped ? cap.usd : fullUsd,
    choices: choicesOf(images, target, { settings, measured, limits }),
  };
}

/** The last machine to end may begin its last batch when all others are done. */
function drainMsOf(images: number, machines: number, measured: Measured): number {
  const imagesOfOne = (images - largestBatch(images)) / machines + largestBatch(images);
  return measured.bootMs + imagesMs(imagesOfOne, measured);
}

/** Twice as many machines each time, as far as they are allowed and have a message to work on, and the chosen number. */
function choicesOf(
  images: number,
  chosen: number,
  { settings, measured, limits }: { settings: PolicySettings; measured: Measured; limits: QuoteLimits },
): QuoteChoice[] {
  const most = Math.min(settings.max, batchCount(images));
  const counts = new Set<number>(chosen > 0 ? [chosen] : []);
  for (let machines = 1; machines <= most && counts.size <= SHOWN_CHOICES; machines *= 2)
    counts.add(machines);
  const { dueInMs, maxCostUsd } = limits;
  return [...counts]
    .sort((a, b) => a - b)
    .map((machines) => {
      const drainMs = drainMsOf(images, machines, measured);
      const usd = machineUsd(machines, drainMs, settings);
      return {
        machines,
        drainMs,
        machineUsd: usd,
        ...(dueInMs !== undefined && { isInTime: drainMs <= dueInMs }),
        ...(maxCostUsd !== undefined && usd !== undefined && { isWithinCost: usd <= maxCostUsd }),
      };
    });
}

const whyUnfinished = ({ name }: JobCap, fullUsd: number): string =>
  `The job stops at ${name} before it is done: all of it would cost about ${dollars(fullUsd)}.`;

const imagesMs = (images: number, { imagesPerSecond }: Measured): number => (1000 * images) / imagesPerSecond;

/** Each machine is paid for from its launch until its idle limit after the job. */
function machineUsd(
  machines: number,
  drainMs: number | undefined,
  settings: PolicySettings,
): number | undefined {
  if (settings.hourlyUsd === undefined) return undefined;
  if (drainMs === undefined) return 0;
  const paidMs = Math.max(settings.billingMinimumMs, drainMs + idleLimitMs({ ageMs: drainMs }, settings));
  return (machines * paidMs * settings.hourlyUsd) / HOUR_MS;
}

export function quoteRequests(counts: Omit<RequestQuote, 'usd'>): RequestQuote {
  const { s3Put, s3Get, sqs } = counts;
  return {
    ...counts,
    usd: s3Put * REQUEST_USD.s3Put + s3Get * REQUEST_USD.s3Get + sqs * REQUEST_USD.sqs,
  };
}

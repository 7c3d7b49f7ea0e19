/** What a job would take and cost, before anything of it is done. Pure: the policy itself says how many machines. */
import { MAX_BATCH } from '../core/job/messages.ts';
import { REQUEST_USD } from '../core/money/prices.ts';
import { decide } from './policy/decide.ts';
import type { PolicySettings } from './policy/policy.ts';
import { idleLimitMs } from './policy/retire.ts';
import type { Measured } from './snapshot.ts';

/** What was found among the inputs. */
export interface QuoteInputs {
  images: number;
  bytes: number;
}

export interface Quote {
  images: number;
  bytes: number;
  messages: number;
  machines: number;
  /** Why so many, in the policy's words. */
  reason: string;
  warnings: readonly string[];
  /** From now. */
  firstResultMs: number;
  /** From now; undefined where no machine would be launched. */
  drainMs: number | undefined;
  /** US dollars for machines, to their end; undefined where their price is not known. */
  machineUsd: number | undefined;
}

/** Requests of S3 and SQS, which come on top. */
export interface RequestQuote {
  s3Put: number;
  s3Get: number;
  sqs: number;
  usd: number;
}

/** For a message and for its response: sent, received, deleted. */
const SQS_CALLS_PER_MESSAGE = 6;
const HOUR_MS = 3_600_000;

/** As if the cluster were empty and the job the only one: what already runs makes it sooner and cheaper. */
export function quote(inputs: QuoteInputs, settings: PolicySettings, measured: Measured): Quote {
  const { images, bytes } = inputs;
  const messages = messagesFor(images);
  const { target, reason, warnings } = decide(
    {
      backlog: { waiting: messages, inFlight: 0, delayed: 0, images },
      machines: [],
      jobs: [{ id: 'quoted', totalImages: images, costUsd: 0 }],
      measured,
      throughputImagesPerSecond: 0,
    },
    // What one tick may not launch, the next ones do.
    { ...settings, maxLaunchPerTick: settings.max },
    { sinceLaunchMs: undefined, recentlyNeeded: 0 },
  );
  // The last machine to end has the most batches.
  const imagesOfOne = Math.min(images, Math.ceil(messages / target) * MAX_BATCH);
  const drainMs = target === 0 ? undefined : measured.bootMs + imagesMs(imagesOfOne, measured);
  return {
    images,
    bytes,
    messages,
    machines: target,
    reason,
    warnings,
    firstResultMs: measured.bootMs + imagesMs(Math.min(images, MAX_BATCH), measured),
    drainMs,
    machineUsd: machineUsd(target, drainMs, settings),
  };
}

const imagesMs = (images: number, { imagesPerSecond }: Measured): number => (1000 * images) / imagesPerSecond;

/** Each is paid from its launch until it has idled for as long as it is kept. */
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

/** What a job's images are asked of S3: objects that its submitter puts, and that workers get. */
export interface ObjectRequests {
  images: number;
  puts: number;
  gets: number;
}

/** Each batch gives one shard; manifests, listings and longer leases are few beside them. */
export function quoteRequests({ images, puts, gets }: ObjectRequests): RequestQuote {
  const messages = messagesFor(images);
  const counts = { s3Put: puts + messages, s3Get: gets, sqs: SQS_CALLS_PER_MESSAGE * messages };
  const usd =
    counts.s3Put * REQUEST_USD.s3Put + counts.s3Get * REQUEST_USD.s3Get + counts.sqs * REQUEST_USD.sqs;
  return { ...counts, usd };
}

const messagesFor = (images: number): number => Math.ceil(images / MAX_BATCH);

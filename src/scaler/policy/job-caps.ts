/** `--max-job-cost` and `--max-cost` of a job: which jobs have reached it, and how many machines the rest of the others pays for. Pure. */
import { dollars } from '../../core/money/money.ts';
import { pluralize } from '../../core/text/pluralize.ts';
import type { Backlog, Machine, Measured, UnfinishedJob } from '../snapshot.ts';
import type { PolicySettings } from './policy.ts';

/** A job is stopped this much machine time before its cap: machines finish what they have, and a tick takes 5 s. */
const STOP_EARLY_MS = 10_000;
/** A machine idles about this long after the last image before it is retired. */
const IDLE_TAIL_MS = 20_000;
const HOUR_MS = 3_600_000;

export interface JobCap {
  usd: number;
  /** Such as "--max-cost $0.50". */
  name: string;
}

/** The stricter one of the controller's cap and the job's own. */
export function capOf(
  { maxCostUsd = Number.POSITIVE_INFINITY }: Pick<UnfinishedJob, 'maxCostUsd'>,
  { maxJobCostUsd = Number.POSITIVE_INFINITY }: Pick<PolicySettings, 'maxJobCostUsd'>,
): JobCap {
  return maxCostUsd < maxJobCostUsd
    ? { usd: maxCostUsd, name: `--max-cost ${dollars(maxCostUsd)}` }
    : { usd: maxJobCostUsd, name: `--max-job-cost ${dollars(maxJobCostUsd)}` };
}

export interface CappedJobs {
  open: readonly UnfinishedJob[];
  capped: readonly UnfinishedJob[];
}

export interface CapInput {
  settings: PolicySettings;
  hourlyUsd: number;
  measured: Measured;
  /** Those that cost money now. */
  machines: readonly Machine[];
}

export function splitByCap(jobs: readonly UnfinishedJob[], input: Omit<CapInput, 'measured'>): CappedJobs {
  const { settings, machines } = input;
  const below = jobs.filter((job) => job.costUsd < capOf(job, settings).usd);
  const shares = sharesOf(below);
  const reserveUsd = usdFor(STOP_EARLY_MS * machines.length, input);
  const open = below.filter(
    (job, at) => job.costUsd + reserveUsd * (shares[at] ?? 0) < capOf(job, settings).usd,
  );
  return { open, capped: jobs.filter((job) => !open.includes(job)) };
}

/** The share of each job in the machines, by its images left. An unsealed job counts as much as the largest sealed one. */
function sharesOf(jobs: readonly UnfinishedJob[]): number[] {
  const known = jobs.map((job) => imagesLeft(job));
  const largest = Math.max(1, ...known.map((left) => left ?? 1));
  const weights = known.map((left) => Math.max(1, left ?? largest));
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / all);
}

/** The part of the backlog that may be paid for: images of capped jobs are no need. */
export function openBacklog(backlog: Backlog, { open, capped }: CappedJobs): Backlog {
  if (capped.length === 0) return backlog;
  const cappedLeft = capped.reduce((sum, job) => sum + (imagesLeft(job) ?? 0), 0);
  const openLeft = open.reduce((sum, job) => sum + (imagesLeft(job) ?? Number.POSITIVE_INFINITY), 0);
  const least = Math.min(open.length, backlog.images);
  const images = Math.max(least, Math.min(openLeft, backlog.images - cappedLeft));
  const share = backlog.images === 0 ? 0 : images / backlog.images;
  return {
    waiting: Math.ceil(backlog.waiting * share),
    inFlight: Math.ceil(backlog.inFlight * share),
    delayed: Math.ceil(backlog.delayed * share),
    images: Math.round(images),
  };
}

/** Undefined until the job is sealed. */
const imagesLeft = ({ totalImages, doneImages }: UnfinishedJob): number | undefined =>
  totalImages === undefined ? undefined : Math.max(0, totalImages - doneImages);

export interface AffordableMachines {
  /** In total. */
  machines: number;
  /** Of each job whose cap allows fewer than it needs. */
  warnings: readonly string[];
}

/**
 * Each job pays for its share of the machines, by its images, from its own rest. A machine is launched only if the rest pays for
 * its boot and still for the work of all images. If it does not pay for all of them, one machine does as many as it can.
 */
export function machinesWithin(
  open: readonly UnfinishedJob[],
  { images, needed }: { images: number; needed: number },
  input: CapInput,
): AffordableMachines {
  const shares = sharesOf(open);
  const warnings: string[] = [];
  let machines = 0;
  for (const [at, job] of open.entries()) {
    const share = shares[at] ?? 0;
    const allowed = allowedFor(job, { images: images * share, share }, input);
    const cap = capOf(job, input.settings);
    if (allowed < needed * share)
      warnings.push(
        `Job ${job.id} has ${dollars(cap.usd - job.costUsd)} left of ${cap.name}, which pays for ${pluralize(Math.ceil(allowed), 'machine')}.`,
      );
    machines += Math.min(needed * share, allowed);
  }
  // A job may pay for a part of a machine; rounding errors are no machine.
  return { machines: Math.ceil(machines - 1e-6), warnings };
}

function allowedFor(
  job: UnfinishedJob,
  { images, share }: { images: number; share: number },
  input: CapInput,
): number {
  const { machines, measured, settings } = input;
  const present = machines.length * share;
  const launchMs = Math.max(settings.billingMinimumMs, measured.bootMs + IDLE_TAIL_MS);
  const pendingMs = machines
    .filter(({ phase }) => phase === 'booting')
    .reduce((sum, { ageMs }) => sum + Math.max(0, launchMs - Math.max(ageMs, settings.billingMinimumMs)), 0);
  const freeUsd = capOf(job, settings).usd - job.costUsd - usdFor(pendingMs, input) * share;
  const workUsd = usdFor((1000 * images) / measured.imagesPerSecond, input);
  const launchUsd = usdFor(launchMs, input);
  if (launchUsd === 0) return Number.POSITIVE_INFINITY;
  const first = present < share && freeUsd >= usdFor(settings.billingMinimumMs, input) ? share : present;
  return Math.max(first, present + Math.floor((freeUsd - workUsd) / launchUsd));
}

/** What machine time costs. */
const usdFor = (machineMs: number, { hourlyUsd }: Pick<CapInput, 'hourlyUsd'>): number =>
  (hourlyUsd * machineMs) / HOUR_MS;

export function cappedWarning(job: UnfinishedJob, settings: PolicySettings): string {
  const { maxJobCostUsd = Number.POSITIVE_INFINITY } = settings;
  const cap = capOf(job, settings);
  const raise =
    cap.usd < maxJobCostUsd
      ? `Run "imgcls resume ${job.id} --max-cost USD" with more`
      : 'Raise the cap to continue';
  return `Job ${job.id} has reached ${cap.name}: it has cost ${dollars(job.costUsd)}. Its remaining images wait. ${raise}, or cancel the job.`;
}

/**
 * Drains the backlog within the target time, by what was measured: images a second of a machine, and its boot time.
 * Machines that still boot count with what they will do once they are up.
 */
import type { Machine, MachinePhase } from '../snapshot.ts';
import type { Policy, PolicySettings, Sight } from './policy.ts';

/** Where a machine takes longer to boot than the work may take, it should at least work for this share of the target. */
const LEAST_WORK_SHARE = 0.5;
/** The fleet keeps so much more than its load, so that constant work meets a free machine. */
const HEADROOM = 1.2;

export const backlogPolicy: Policy = (sight, settings) => {
  const { backlog, measured, machines } = sight;
  const workers = machines.filter(({ phase }) => phase !== 'draining' && phase !== 'stopped');
  const claimable = claimableMessages(sight);
  if (backlog.images === 0) return { machines: 0, reason: 'there is no work' };

  const workMs = Math.max(settings.targetMs - measured.bootMs, settings.targetMs * LEAST_WORK_SHARE);
  const horizonMs = measured.bootMs + workMs;
  const perMachine = (measured.imagesPerSecond * workMs) / 1000;
  const left = backlog.images - imagesWithin(horizonMs, workers, measured);
  const atBoot = backlog.images - imagesWithin(measured.bootMs, workers, measured);
  if (left > 0 && atBoot > 0) {
    // A machine beyond the messages that it could take would have nothing to do.
    const launches = Math.min(Math.ceil(left / perMachine), claimable);
    const total = workers.length + launches;
    if (launches > 0) return { machines: total, reason: shortfall(sight, horizonMs, total) };
  }
  const reason =
    left > 0
      ? notHelped(backlog.images, claimable)
      : `${images(backlog.images)} will be done in time by what is there`;
  return { machines: steady(sight, settings, workers.length), reason };
};

/** Why no more are launched although the work takes longer than it should. */
const notHelped = (count: number, claimable: number): string =>
  claimable === 0
    ? `the last ${images(count)} are in the workers' hands`
    : `${images(count)} will be done before another could boot`;

/** No more are to come: how many of those that are there the work and the load still need. */
function steady({ backlog, measured, ...sight }: Sight, settings: PolicySettings, present: number): number {
  const forBacklog = Math.ceil(backlog.images / ((measured.imagesPerSecond * settings.targetMs) / 1000));
  const forLoad = Math.ceil((HEADROOM * sight.throughputImagesPerSecond) / measured.imagesPerSecond);
  return Math.min(present, Math.max(1, forBacklog, forLoad));
}

function shortfall({ backlog, measured }: Sight, horizonMs: number, total: number): string {
  const seconds = Math.round(horizonMs / 1000);
  const rate = measured.imagesPerSecond.toPrecision(2);
  return `${images(backlog.images)} to be done within ${seconds} s need ${total} at ${Number(rate)} images/s each`;
}

const images = (count: number): string => (count === 1 ? '1 image' : `${count} images`);

/** What the machines that are there, or on their way, do within so long. */
function imagesWithin(
  ms: number,
  workers: readonly Machine[],
  { imagesPerSecond, bootMs }: Sight['measured'],
): number {
  let workingMs = 0;
  for (const machine of workers) workingMs += Math.max(0, ms - untilReadyMs(machine, bootMs));
  return (imagesPerSecond * workingMs) / 1000;
}

/** One that is overdue is expected to take as long again as it is late: it may never come up. */
function untilReadyMs({ phase, ageMs }: Machine, bootMs: number): number {
  return phase === 'booting' ? Math.abs(bootMs - ageMs) : 0;
}

/**
 * Messages that one more machine could get. What a busy one holds is its own; where nobody is busy, those in flight
 * come back when the leases of the dead run out. Each that idles or boots will take one at least.
 */
function claimableMessages({ backlog, machines }: Sight): number {
  const count = (...phases: MachinePhase[]) => machines.filter(({ phase }) => phases.includes(phase)).length;
  const isHeld = count('busy', 'draining') > 0;
  const messages = backlog.waiting + backlog.delayed + (isHeld ? 0 : backlog.inFlight);
  return Math.max(0, messages - count('idle', 'booting'));
}

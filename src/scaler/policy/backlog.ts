/**
 * Drains the backlog within the target time, from the measured throughput and boot time of a machine. A booting machine
 * counts with the images that it will do once it is ready.
 */
import { pluralize } from '../../core/text/pluralize.ts';
import type { Machine, MachinePhase, Measured } from '../snapshot.ts';
import { constantsOf } from './constants.ts';
import { isOverdue } from './overdue.ts';
import type { KnownSnapshot, Policy, PolicySettings } from './policy.ts';

export const backlogPolicy: Policy = (snapshot, settings) => {
  const { backlog, measured, machines } = snapshot;
  const isLate = (machine: Machine) => isOverdue(machine, measured.bootMs, constantsOf(settings));
  const present = machines.filter((machine) => !isLate(machine));
  const workers = present.filter(({ phase }) => phase !== 'draining' && phase !== 'stopped');
  const claimable = claimableMessages({ backlog, machines: present });
  if (backlog.images === 0) return { machines: 0, reason: 'the queues are empty' };

  const workMs = workMsOfMachine(measured, settings);
  const horizonMs = measured.bootMs + workMs;
  const perMachine = (measured.imagesPerSecond * workMs) / 1000;
  const left = backlog.images - imagesWithin(horizonMs, workers, measured);
  const atBoot = backlog.images - imagesWithin(measured.bootMs, workers, measured);
  const forBacklog = left > 0 && atBoot > 0 ? Math.ceil(left / perMachine) : 0;
  // Each launched machine needs a message to receive.
  const launches = Math.min(
    Math.max(
      forBacklog,
      worthwhileLaunches((1000 * atBoot) / measured.imagesPerSecond, workers.length, snapshot, settings),
      machinesOfStream(snapshot, settings) - workers.length,
    ),
    claimable,
  );
  if (launches > 0) {
    const total = workers.length + launches;
    return { machines: total, reason: whyMore(snapshot, horizonMs, total) };
  }
  const images = pluralize(backlog.images, 'image');
  const reason =
    left > 0 ? whyNoMore(images, claimable) : `the current workers will finish ${images} in time`;
  const needed = neededOfPresent(snapshot, settings, workers.length);
  return { machines: needed, reason, isCaughtUp: isCaughtUp(snapshot, settings, needed) };
};

/** How long a machine works that is launched now. */
export const workMsOfMachine = ({ bootMs }: Measured, settings: PolicySettings): number => {
  const { targetMs } = settings;
  return Math.max(targetMs - bootMs, targetMs * constantsOf(settings).minWorkShare);
};

/**
 * The launches of which each saves enough time of waiting for what it costs: a boot, or the time that is billed anyway.
 * @param leftMs work that is left when they are ready, for one machine.
 */
function worthwhileLaunches(
  leftMs: number,
  present: number,
  { measured: { bootMs } }: KnownSnapshot,
  settings: PolicySettings,
): number {
  if (leftMs <= 0) return 0;
  const { waitWorth, leastSavedMs } = constantsOf(settings);
  for (let total = present; ; total++) {
    const shareMs = leftMs / (total + 1);
    const costMs = Math.max(bootMs, settings.billingMinimumMs - shareMs);
    const savedMs = leftMs / total - shareMs;
    if (savedMs < Math.max(costMs / waitWorth, leastSavedMs)) return total - present;
  }
}

/** A stream needs the machines that it keeps busy, and some that catch up with its backlog. */
function machinesOfStream(
  { backlog, measured, streamLoad }: KnownSnapshot,
  settings: PolicySettings,
): number {
  if (streamLoad === 0) return 0;
  const { catchUpMs, launchShare } = constantsOf(settings);
  const catchingUp = (1000 * backlog.images) / measured.imagesPerSecond / catchUpMs;
  return Math.ceil(streamLoad + catchingUp - launchShare);
}

/** Why no more machines are launched although the work takes longer than the target. */
const whyNoMore = (images: string, claimable: number): string =>
  claimable === 0
    ? `the workers already have the last ${images}`
    : `${images} will be done before another worker could start`;

/** How many of the present machines the backlog and the load still need. */
function neededOfPresent(
  { backlog, measured, streamLoad }: KnownSnapshot,
  settings: PolicySettings,
  present: number,
): number {
  const forBacklog = Math.ceil(backlog.images / ((measured.imagesPerSecond * settings.targetMs) / 1000));
  const forLoad = Math.ceil(streamLoad - constantsOf(settings).keepShare);
  return Math.min(present, Math.max(1, forBacklog, forLoad));
}

/** Whether nothing stands of work that arrives steadily, beyond what these machines soon do. */
function isCaughtUp(
  { backlog, measured, streamLoad }: KnownSnapshot,
  settings: PolicySettings,
  machines: number,
): boolean {
  const soon = (machines * measured.imagesPerSecond * constantsOf(settings).caughtUpMs) / 1000;
  return streamLoad > 0 && backlog.images <= soon;
}

function whyMore({ backlog, measured }: KnownSnapshot, horizonMs: number, total: number): string {
  const images = pluralize(backlog.images, 'image');
  const seconds = Math.round(horizonMs / 1000);
  const rate = Number(measured.imagesPerSecond.toPrecision(2));
  return `${images} within ${seconds} s need ${pluralize(total, 'worker')} at ${rate} images/s each`;
}

/** Images that these machines do within this time, booting ones included. */
function imagesWithin(
  ms: number,
  workers: readonly Machine[],
  { imagesPerSecond, bootMs }: KnownSnapshot['measured'],
): number {
  let workingMs = 0;
  for (const machine of workers) workingMs += Math.max(0, ms - untilReadyMs(machine, bootMs));
  return (imagesPerSecond * workingMs) / 1000;
}

/** An overdue boot is expected to take as long again as it is late: the machine may never become ready. */
export function untilReadyMs({ phase, ageMs }: Machine, bootMs: number): number {
  return phase === 'booting' ? Math.abs(bootMs - ageMs) : 0;
}

/**
 * Messages that one more machine could receive. Busy machines keep the messages in flight. If no machine is busy, a dead
 * worker had them, and they are redelivered when their lease expires. Each idle or booting machine will take at least one.
 */
function claimableMessages({ backlog, machines }: Pick<KnownSnapshot, 'backlog' | 'machines'>): number {
  const count = (...phases: MachinePhase[]) => machines.filter(({ phase }) => phases.includes(phase)).length;
  const isHeld = count('busy', 'draining') > 0;
  const messages = backlog.waiting + backlog.delayed + (isHeld ? 0 : backlog.inFlight);
  return Math.max(0, messages - count('idle', 'booting'));
}

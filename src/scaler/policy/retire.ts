/**
 * Which machines are retired. A busy one finishes its messages first. It is retired only above a limit, and only if there are
 * not enough idle and booting ones, or if the others keep up with a stream. A silent worker may be dead, and its messages come
 * back. So no machine is retired because of one, and above a limit silent ones are retired first.
 */
import { STATUS_INTERVAL_MS } from '../../core/fleet/fleet.ts';
import { pluralize } from '../../core/text/pluralize.ts';
import type { Machine } from '../snapshot.ts';
import type { LaunchBudget } from './budget.ts';
import { constantsOf } from './constants.ts';
import type { History, PolicySettings } from './policy.ts';

export interface Retirement {
  ids: readonly string[];
  reason: string | undefined;
}

interface Options {
  own: readonly Machine[];
  /** Whether its boot is overdue. */
  isLate(machine: Machine): boolean;
  needed: number;
  /** See Need. */
  isCaughtUp: boolean;
  /** Machines on standby. */
  expected: number;
  budget: LaunchBudget;
  settings: PolicySettings;
  history: History;
}

/** A worker that is silent for longer has missed a report. */
const REPORT_MISSED_MS = 2 * STATUS_INTERVAL_MS;

/** Machines above a limit, at once; else machines that idled long enough or have not been needed for a while. */
export function chooseRetirements({
  own,
  isLate,
  needed,
  isCaughtUp,
  expected,
  budget,
  settings,
  history,
}: Options): Retirement {
  const serving = own.filter(({ phase }) => phase !== 'draining');
  const limit = Math.min(settings.max, budget.keep);
  if (own.length > limit && serving.length > 0) {
    const ids = leastUseful(serving)
      .slice(0, Math.max(0, serving.length - limit))
      .map(({ id }) => id);
    if (ids.length > 0) return { ids, reason: `${areRetired(ids.length, 'worker')}: the limit is ${limit}` };
  }
  if (history.sinceLaunchMs !== undefined && history.sinceLaunchMs < settings.cooldownMs) return nothing;
  const late = serving.filter(isLate);
  const able = serving.filter((machine) => !isLate(machine));
  const chosen = chooseUnneeded(able, { needed, isCaughtUp, expected, settings, history });
  // A boot that takes long is awaited only as long as there is work for it.
  const isAwaited = Math.max(needed, history.recentlyNeeded) > 0;
  const abandoned = isAwaited ? [] : late.filter((machine) => isPastBillingMinimum(machine, settings));
  if (chosen.length + abandoned.length === 0) return nothing;
  const idle = chosen.filter(({ phase }) => phase !== 'busy');
  const surplus = chosen.length - idle.length;
  const reasons = [
    idle.length > 0 ? areRetired(idle.length, 'idle worker') : undefined,
    surplus > 0 ? areRetired(surplus, 'surplus worker') : undefined,
    abandoned.length > 0 ? areRetired(abandoned.length, 'overdue worker') : undefined,
  ];
  return {
    ids: [...chosen, ...abandoned].map(({ id }) => id),
    reason: reasons.filter((reason) => reason !== undefined).join('; '),
  };
}

function chooseUnneeded(
  able: readonly Machine[],
  { needed, isCaughtUp, expected, settings, history }: Omit<Options, 'own' | 'isLate' | 'budget'>,
): Machine[] {
  // The last images may come back from a machine that was lost.
  const keepAtLeast = Math.max(settings.min, expected, Math.min(needed, 1));
  const neededNow = Math.max(keepAtLeast, needed);
  const stillNeeded = Math.max(keepAtLeast, history.recentlyNeeded);
  const reporting = able.filter((machine) => !hasMissedReport(machine));
  const ready = reporting.filter(({ phase }) => phase !== 'booting');
  const chosen = new Set<Machine>();
  for (const machine of leastUseful(able)) {
    // A booting machine may come late, so it does not take the place of a ready one.
    const others = machine.phase === 'booting' ? reporting : ready;
    const left = others.length - chosen.size;
    if (!isPastBillingMinimum(machine, settings) || left <= keepAtLeast) continue;
    const survives = (other: Machine) =>
      other !== machine && !chosen.has(other) && isSurelyAlive(other, machine);
    if (needed > 0 && !others.some(survives)) continue;
    const isSurplus = left > stillNeeded && left > neededNow;
    if (machine.phase === 'idle' && (machine.phaseForMs >= idleLimitMs(machine, settings) || isSurplus))
      chosen.add(machine);
    if (machine.phase === 'busy' && isSurplus && isCaughtUp) chosen.add(machine);
    // The work was done before this machine became ready.
    if (machine.phase === 'booting' && isSurplus && stillNeeded === 0) chosen.add(machine);
  }
  return [...chosen];
}

/** Whether the other worker does what is left if this idle one goes. A busy one may have died since it reported. */
const isSurelyAlive = (other: Machine, { phase, phaseForMs }: Machine): boolean =>
  phase !== 'idle' || other.phase === 'idle' || (other.silentForMs ?? 0) < phaseForMs;

const areRetired = (count: number, what: string): string =>
  `${pluralize(count, what)} ${count === 1 ? 'is' : 'are'} retired`;

const nothing: Retirement = { ids: [], reason: undefined };

/** How long a machine may idle. */
export function idleLimitMs({ ageMs }: Pick<Machine, 'ageMs'>, settings: PolicySettings): number {
  const { idleShare, minIdleMs, maxIdleMs } = constantsOf(settings);
  return settings.idleMs ?? Math.min(maxIdleMs, Math.max(minIdleMs, idleShare * ageMs));
}

/** The billing minimum (a minute on EC2) is paid for, used or not. */
const isPastBillingMinimum = ({ ageMs }: Machine, { billingMinimumMs }: PolicySettings): boolean =>
  ageMs >= billingMinimumMs;

const USEFULNESS = { idle: 0, booting: 1, busy: 2, draining: 3, stopped: 3 } as const;

const hasMissedReport = ({ silentForMs = 0 }: Machine): boolean => silentForMs > REPORT_MISSED_MS;

/** Silent before idle before booting before busy. Of the idle ones the longest idle first, of the others the youngest. */
function leastUseful(machines: readonly Machine[]): Machine[] {
  return machines.toSorted(
    (a, b) =>
      Number(hasMissedReport(b)) - Number(hasMissedReport(a)) ||
      USEFULNESS[a.phase] - USEFULNESS[b.phase] ||
      (a.phase === 'idle' ? b.phaseForMs - a.phaseForMs : a.ageMs - b.ageMs) ||
      (a.id < b.id ? -1 : 1),
  );
}

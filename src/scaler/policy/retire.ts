/** Which machines are let go. A busy one is never chosen while an idle or booting one is there, nor at all but past a limit. */
import type { Machine } from '../snapshot.ts';
import type { LaunchBudget } from './budget.ts';
import type { History, PolicySettings } from './policy.ts';

/** Without --idle-seconds a machine idles at most for this share of what it has been paid for, within bounds. */
const IDLE_SHARE = 0.1;
const LEAST_IDLE_MS = 10_000;
const MOST_IDLE_MS = 120_000;

export interface Retirement {
  ids: readonly string[];
  reason: string | undefined;
}

interface Options {
  own: readonly Machine[];
  needed: number;
  /** Machines that stay for work that is expected. */
  expected: number;
  budget: LaunchBudget;
  settings: PolicySettings;
  history: History;
}

/** Over a limit at once; else idle ones that have been so for long enough, or that have not been needed for a while. */
export function chooseRetirements({ own, needed, expected, budget, settings, history }: Options): Retirement {
  const serving = own.filter(({ phase }) => phase !== 'draining');
  const most = budget.isSpent ? 0 : settings.max;
  if (own.length > most && serving.length > 0) {
    const ids = leastUseful(serving)
      .slice(0, Math.max(0, serving.length - most))
      .map(({ id }) => id);
    if (ids.length > 0) return { ids, reason: `${ids.length} more than ${most} allowed are let go` };
  }
  if (history.sinceLaunchMs !== undefined && history.sinceLaunchMs < settings.cooldownMs) return nothing;
  const least = Math.max(settings.min, expected);
  const keep = Math.max(least, needed);
  const stillNeeded = Math.max(least, history.recentlyNeeded);
  const chosen: Machine[] = [];
  for (const machine of leastUseful(serving)) {
    const left = serving.length - chosen.length;
    if (!isPaidFor(machine, settings) || left <= least) continue;
    const isSurplus = left > stillNeeded && left > keep;
    if (machine.phase === 'idle' && (machine.phaseForMs >= idleLimitMs(machine, settings) || isSurplus))
      chosen.push(machine);
    // Nothing has been needed for a while: the work is gone before this one came up.
    if (machine.phase === 'booting' && isSurplus && stillNeeded === 0) chosen.push(machine);
  }
  if (chosen.length === 0) return nothing;
  const counted = chosen.length === 1 ? '1 idle worker is' : `${chosen.length} idle workers are`;
  return { ids: chosen.map(({ id }) => id), reason: `${counted} let go` };
}

const nothing: Retirement = { ids: [], reason: undefined };

/** How long an idle machine is kept. */
export function idleLimitMs({ ageMs }: Pick<Machine, 'ageMs'>, { idleMs }: PolicySettings): number {
  return idleMs ?? Math.min(MOST_IDLE_MS, Math.max(LEAST_IDLE_MS, IDLE_SHARE * ageMs));
}

/** The first minute is paid whether it is used or not. */
const isPaidFor = ({ ageMs }: Machine, { billingMinimumMs }: PolicySettings): boolean =>
  ageMs >= billingMinimumMs;

const USEFULNESS = { idle: 0, booting: 1, busy: 2, draining: 3, stopped: 3 } as const;

/** Idle before booting before busy; the longest idle and the youngest booting first. */
function leastUseful(machines: readonly Machine[]): Machine[] {
  return machines.toSorted(
    (a, b) =>
      USEFULNESS[a.phase] - USEFULNESS[b.phase] ||
      (a.phase === 'idle' ? b.phaseForMs - a.phaseForMs : a.ageMs - b.ageMs) ||
      (a.id < b.id ? -1 : 1),
  );
}

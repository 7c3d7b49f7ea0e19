/** What a controller reports of a tick. Pure. */
import type { ControllerReport } from '../core/fleet/fleet.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { isUnknown } from '../core/runtime/unknown.ts';
import type { FleetDriver, FleetMember, LaunchAnswer } from './fleet.ts';
import type { Forecaster } from './forecast/forecaster.ts';
import type { Observation } from './observation.ts';
import type { Decision, PolicySettings } from './policy/policy.ts';
import type { Snapshot } from './snapshot.ts';

export interface ReportInput extends Pick<ControllerReport, 'holder' | 'epoch'> {
  driver: Pick<FleetDriver, 'spot'>;
  driverName: string;
  settings: PolicySettings;
  clusterSettings?: { readonly inForce: ControllerReport['settings'] };
  observation: Observation & { snapshot: Snapshot };
  decision: Decision;
  answer: LaunchAnswer | undefined;
  /** Besides those of the decision and of the launch. */
  warnings: readonly string[];
  lastLaunchAtMs: number | undefined;
  launches: Pick<ControllerReport, 'failedLaunches' | 'workedImage'>;
  forecaster?: Pick<Forecaster, 'expectation'> | undefined;
  cost: ControllerReport['cost'];
  clock: Pick<Clock, 'nowMs'>;
}

export function composeReport(input: ReportInput): ControllerReport {
  const { holder, epoch, driverName, settings, decision, answer, warnings, clock } = input;
  const { lastLaunchAtMs, launches, cost, observation } = input;
  const { spot } = input.driver;
  const { expectation } = input.forecaster ?? {};
  const { inForce } = input.clusterSettings ?? {};
  const { members, measured } = observation;
  const unreadStatuses = countUnread(observation.statuses);
  const known = isUnknown(members) ? [] : members;
  const refused = [answer?.retryable, answer?.permanent].filter((part) => part !== undefined);
  return {
    v: 1,
    holder,
    epoch,
    updatedAtMs: clock.nowMs(),
    driver: driverName,
    policy: settings.policy,
    min: settings.min,
    max: settings.max,
    ...(inForce && { settings: inForce }),
    target: decision.target,
    reason: decision.reason,
    warnings: [
      ...warnings,
      ...decision.warnings,
      ...refused.map(({ count, why }) => `${count} not launched: ${why}`),
      ...lateLaunches(known),
    ],
    machines: reportedMachines(known, observation),
    measured,
    ...(settings.hourlyUsd !== undefined && { hourlyUsd: settings.hourlyUsd }),
    ...(spot && { spot }),
    ...(unreadStatuses > 0 && { unreadStatuses }),
    ...(lastLaunchAtMs !== undefined && { lastLaunchAtMs }),
    ...launches,
    ...(cost !== undefined && { cost }),
    ...(expectation && { expected: expectation }),
  };
}

const countUnread = (statuses: Observation['statuses']): number =>
  isUnknown(statuses)
    ? 0
    : [...statuses.values()].filter(({ unreadForMs }) => unreadForMs !== undefined).length;

function reportedMachines(
  members: readonly FleetMember[],
  { snapshot: { machines } }: ReportInput['observation'],
): ControllerReport['machines'] {
  const phases = new Map(isUnknown(machines) ? [] : machines.map(({ id, phase }) => [id, phase]));
  return members.map(({ id, state, launchedAtMs, kind, hourlyUsd }) => ({
    id,
    phase: phases.get(id) ?? (state === 'running' ? 'booting' : state),
    launchedAtMs,
    ...(kind !== undefined && { kind }),
    ...(hourlyUsd !== undefined && { hourlyUsd }),
  }));
}

/** Each reason once, with the number of machines that it delays. */
function lateLaunches(members: readonly FleetMember[]): string[] {
  const reasons = members.flatMap(({ lateBecause }) => lateBecause ?? []);
  return [...new Set(reasons)].map(
    (why) => `${reasons.filter((each) => each === why).length} not launched yet: ${why}`,
  );
}

import type { Meter } from '../core/runtime/metrics.ts';
import { isUnknown } from '../core/runtime/unknown.ts';
import type { Tick } from './controller.ts';

/** Records the metrics of a tick. An unknown value records no metric, so that no alarm takes it for zero. */
export function recordTick(meter: Meter, { observation, decision, answer, report, spentUsd }: Tick): void {
  const { backlog, machines } = observation.snapshot;
  if (!isUnknown(backlog)) {
    meter.record('BacklogMessages', backlog.waiting + backlog.delayed);
    meter.record('InFlightMessages', backlog.inFlight);
    meter.record('BacklogImages', backlog.images);
  }
  if (!isUnknown(machines)) {
    const inPhase = (...phases: string[]) => machines.filter(({ phase }) => phases.includes(phase)).length;
    meter.record('FleetDesired', decision.target);
    meter.record('FleetReady', inPhase('idle', 'busy'));
    meter.record('FleetBooting', inPhase('booting'));
  }
  if (report.cost !== undefined) meter.record('HourlyCostUsd', report.cost.hourlyUsd);
  if (spentUsd !== undefined) meter.record('SpentUsd', spentUsd);
  if (answer === undefined) return;
  const { started, retryable, permanent } = answer;
  if (started.length > 0) meter.record('Launches', started.length);
  const refused = (retryable?.count ?? 0) + (permanent?.count ?? 0);
  if (refused > 0) meter.record('LaunchRefusals', refused);
}

import type { ControllerReport } from '../core/fleet/fleet.ts';
import type { OrUnknown } from '../core/runtime/unknown.ts';
import type { FleetMember } from './fleet.ts';
import type { MachineObservation } from './machines.ts';
import type { Arrived, ObservedSnapshot } from './snapshot.ts';
import type { WorkerObservation } from './statuses.ts';

/** The policy's snapshot without costs, and everything else that the controller acts on. */
export interface Observation {
  snapshot: ObservedSnapshot;
  arrived: Arrived;
  members: OrUnknown<readonly FleetMember[]>;
  statuses: OrUnknown<ReadonlyMap<string, WorkerObservation>>;
  machineObservation(id: string): MachineObservation | undefined;
  /** Measured so far, for the report. */
  measured: ControllerReport['measured'];
}

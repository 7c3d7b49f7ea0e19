/** Joins the listing of an Auto Scaling group with that of EC2. Pure. */
import type { CapacityAfter, GroupInstance, ScalingGroup } from '../../core/aws-account/auto-scaling.ts';
import type { Ec2Instance } from '../../core/aws-account/ec2.ts';
import type { FleetMember } from '../fleet.ts';

export interface GroupMachine {
  id: string;
  type: string;
  zone: string;
  state: FleetMember['state'];
  /** Counts towards the desired capacity. */
  serves: boolean;
  /** Undefined while EC2 does not list it yet. */
  instance: Ec2Instance | undefined;
}

export interface GroupView {
  group: ScalingGroup;
  machines: readonly GroupMachine[];
  /** The desired capacity, with the changes that the listing does not show yet. */
  desired: number;
  /** Machines that count towards it. */
  serving: number;
  /** Machines that AWS has not launched yet. */
  missing: number;
}

/** Changes that the listing may not show yet. */
export interface SinceListing {
  /** Machines that were ended. */
  ended: ReadonlyMap<string, CapacityAfter>;
  /** The desired capacity that was set last. */
  requested?: number | undefined;
}

export function viewGroup(
  group: ScalingGroup,
  listed: readonly Ec2Instance[],
  { ended, requested = 0 }: SinceListing,
): GroupView {
  const byId = new Map(listed.map((instance) => [instance.id, instance]));
  const ofGroup = new Set(group.instances.map(({ id }) => id));
  const machines = [
    ...group.instances.map((each) => listedMachine(each, byId.get(each.id), ended.has(each.id))),
    ...listed
      .filter(({ id, state }) => !ofGroup.has(id) && state !== 'terminated')
      .map((instance) => unlistedMachine(instance, ended.has(instance.id))),
  ];
  // A listing that still shows an ended machine in service is older than its end, and so is its desired capacity.
  const outdated = group.instances.filter(
    ({ id, lifecycle }) => countsAsCapacity(lifecycle) && ended.get(id) === 'lower',
  );
  const desired = Math.max(group.desired - outdated.length, requested);
  const serving = machines.filter(({ serves }) => serves).length;
  return { group, machines, desired, serving, missing: Math.max(0, desired - serving) };
}

export interface PlannedEnd {
  id: string;
  capacity: CapacityAfter;
}

/**
 * How to end these machines. One that exceeds the desired capacity ends without lowering it. At the group's minimum the others
 * stay, or AWS replaces them.
 */
export function planEnds(
  { group, machines, desired, serving }: GroupView,
  chosen: ReadonlySet<string>,
  atLeast: 'stay' | 'replaced',
): { ends: PlannedEnd[]; atMinimum: number } {
  const ends: PlannedEnd[] = [];
  let [left, capacityLeft, atMinimum] = [serving, desired, 0];
  for (const { id, state, serves } of machines) {
    if (state !== 'running' || !chosen.has(id)) continue;
    const isSurplus = left > capacityLeft || !serves;
    const capacity = isSurplus || capacityLeft <= group.min ? 'keep' : 'lower';
    if (capacity === 'keep' && !isSurplus && atLeast === 'stay') {
      atMinimum++;
      continue;
    }
    ends.push({ id, capacity });
    if (serves) left--;
    if (capacity === 'lower') capacityLeft--;
  }
  return { ends, atMinimum };
}

/** An instance that a person put on standby works on, but the group does not count it. */
const countsAsCapacity = (lifecycle: string): boolean => /^(Pending|InService)/.test(lifecycle);

function listedMachine(
  { id, type, zone, lifecycle }: GroupInstance,
  instance: Ec2Instance | undefined,
  hasEnded: boolean,
): GroupMachine {
  const isLeaving = hasEnded || /^(Terminat|Detach)/.test(lifecycle) || (instance && !isUp(instance));
  const state = lifecycle.startsWith('Warmed') ? 'stopped' : isLeaving ? 'draining' : 'running';
  return { id, type, zone, state, serves: state === 'running' && countsAsCapacity(lifecycle), instance };
}

/** One that the group does not list yet, or any more. */
function unlistedMachine(instance: Ec2Instance, hasEnded: boolean): GroupMachine {
  const { id, type, zone } = instance;
  const serves = isUp(instance) && !hasEnded;
  return { id, type, zone, state: serves ? 'running' : 'draining', serves, instance };
}

const isUp = ({ state }: Ec2Instance): boolean => state === 'pending' || state === 'running';

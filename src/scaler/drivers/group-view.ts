/** What an Auto Scaling group says and what EC2 says, put together. Pure. */
import type { CapacityAfter, GroupInstance, ScalingGroup } from '../../core/aws-account/auto-scaling.ts';
import type { Ec2Instance } from '../../core/aws-account/ec2.ts';
import type { FleetMember } from '../fleet.ts';

export interface GroupMachine {
  id: string;
  type: string;
  zone: string;
  state: FleetMember['state'];
  /** Fills a place of the desired capacity. */
  serves: boolean;
  /** Undefined while EC2 does not list it yet. */
  instance: Ec2Instance | undefined;
}

export interface GroupView {
  group: ScalingGroup;
  machines: readonly GroupMachine[];
  /** What the group is to have, with what it was told since its listing. */
  desired: number;
  /** Machines that fill a place. */
  serving: number;
  /** Places that no machine fills yet. */
  missing: number;
}

/** What the listing may not show yet. */
export interface SinceListing {
  /** Machines that were told to end. */
  ended: ReadonlyMap<string, CapacityAfter>;
  /** The desired capacity that was set last. */
  asked?: number | undefined;
}

export function viewGroup(
  group: ScalingGroup,
  listed: readonly Ec2Instance[],
  { ended, asked = 0 }: SinceListing,
): GroupView {
  const byId = new Map(listed.map((instance) => [instance.id, instance]));
  const ofGroup = new Set(group.instances.map(({ id }) => id));
  const machines = [
    ...group.instances.map((each) => listedMachine(each, byId.get(each.id), ended.has(each.id))),
    ...listed
      .filter(({ id, state }) => !ofGroup.has(id) && state !== 'terminated')
      .map((instance) => unlistedMachine(instance, ended.has(instance.id))),
  ];
  // A listing that still has such a machine in its place is older than its end, and so is the capacity in it.
  const outdated = group.instances.filter(
    ({ id, lifecycle }) => fillsPlace(lifecycle) && ended.get(id) === 'lower',
  );
  const desired = Math.max(group.desired - outdated.length, asked);
  const serving = machines.filter(({ serves }) => serves).length;
  return { group, machines, desired, serving, missing: Math.max(0, desired - serving) };
}

/** One that a person put on standby works on, and no place is counted for it. */
const fillsPlace = (lifecycle: string): boolean => /^(Pending|InService)/.test(lifecycle);

function listedMachine(
  { id, type, zone, lifecycle }: GroupInstance,
  instance: Ec2Instance | undefined,
  hasEnded: boolean,
): GroupMachine {
  const isLeaving = hasEnded || /^(Terminat|Detach)/.test(lifecycle) || (instance && !isUp(instance));
  const state = lifecycle.startsWith('Warmed') ? 'stopped' : isLeaving ? 'draining' : 'running';
  return { id, type, zone, state, serves: state === 'running' && fillsPlace(lifecycle), instance };
}

/** The group does not list it yet, or any more. */
function unlistedMachine(instance: Ec2Instance, hasEnded: boolean): GroupMachine {
  const { id, type, zone } = instance;
  const serves = isUp(instance) && !hasEnded;
  return { id, type, zone, state: serves ? 'running' : 'draining', serves, instance };
}

const isUp = ({ state }: Ec2Instance): boolean => state === 'pending' || state === 'running';

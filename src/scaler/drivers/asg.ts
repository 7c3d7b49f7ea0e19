/**
 * The instances of an EC2 Auto Scaling group as a fleet. AWS launches, places and replaces them; we say how many there are
 * to be, and which of them end.
 *
 *     launch: desired capacity raised --AWS launches--> instances
 *     retire, terminate: one call ends an instance and lowers the desired capacity
 *
 * The desired capacity is absolute: what was asked for can be read from the group, also after a lost answer, and asking
 * twice asks for no more. What AWS has not launched yet are members too, under names of their own.
 */
import type { AutoScaling, CapacityAfter, ScalingGroup } from '../../core/aws-account/auto-scaling.ts';
import type { Ec2, Market } from '../../core/aws-account/ec2.ts';
import type { Clock } from '../../core/runtime/clock.ts';
import { ImgclsError, isTransient, messageAndHint, messageOf } from '../../core/runtime/errors.ts';
import type { FleetDriver, FleetMember, LaunchAnswer, LaunchRequest } from '../fleet.ts';
import { EXPIRY_MARGIN_MS, HEARD_MS, LAUNCH_TAG } from './ec2.ts';
import { type GroupMachine, type GroupView, viewGroup } from './group-view.ts';

/** Of AWS's own; every instance of the group carries it. */
const GROUP_TAG = 'aws:autoscaling:groupName';
/** Listings may be from before a change of the desired capacity for so long. */
const SHOWN_MS = 15_000;
/** An instance usually is there well before; then AWS is asked what is in the way. */
const LATE_MS = 30_000;

export interface AsgFleetOptions {
  autoScaling: AutoScaling;
  ec2: Pick<Ec2, 'describe'>;
  group: string;
  maxLifetimeMs: number;
  /** Price of an instance's hour, where it is known. */
  priceOf(type: string, market: Market): number | undefined;
  /** Of one that would be launched now, where it is known. */
  hourlyUsd: number | undefined;
  clock: Clock;
}

export function createAsgFleet(options: AsgFleetOptions): FleetDriver {
  return new AsgFleet(options);
}

class AsgFleet implements FleetDriver {
  readonly #options: AsgFleetOptions;
  /** What was set last, until the group surely shows it. */
  #asked: { desired: number; decision: string; atMs: number } | undefined;
  /** Told to end, until the group surely shows it. */
  readonly #ended = new Map<string, { capacity: CapacityAfter; atMs: number }>();
  #missingSinceMs: number | undefined;

  constructor(options: AsgFleetOptions) {
    this.#options = options;
  }

  async members(): Promise<FleetMember[]> {
    const view = await this.#look();
    return [...view.machines.map((machine) => this.#member(machine)), ...(await this.#missing(view))];
  }

  async launch({ count, decision }: LaunchRequest): Promise<LaunchAnswer> {
    const before = await this.#look();
    const { group, desired, serving } = before;
    if (group.isLaunchSuspended) return { started: [], permanent: { count, why: whySuspended(group) } };
    // Protected ones may be more than are desired.
    const present = Math.max(desired, serving);
    const granted = Math.min(count, Math.max(0, group.max - present));
    const refused = { permanent: { count: count - granted, why: whyFull(group, present + count) } };
    if (granted === 0) return { started: [], ...refused };
    const problem = await this.#raise(present + granted, decision);
    if (problem !== undefined) return { started: [], permanent: { count, why: messageAndHint(problem) } };
    const started = this.#newIn(await this.#look(), before).slice(0, granted);
    return { started, ...(granted < count && refused) };
  }

  async retire(ids: readonly string[]): Promise<void> {
    const { group, atMinimum } = await this.#end(ids, 'stay');
    if (atMinimum === 0) return;
    throw new ImgclsError(
      'config',
      `Auto Scaling group ${group.name} keeps at least ${group.min} instances (its MinSize), so ${atMinimum} cannot be let go.`,
      { hint: `Lower it (${updateGroup(group)} --min-size 0), or give a --min that is not below it.` },
    );
  }

  /** At the group's minimum AWS puts another in its place. */
  async terminate(ids: readonly string[]): Promise<void> {
    await this.#end(ids, 'replaced');
  }

  async hourlyUsd(): Promise<number | undefined> {
    return this.#options.hourlyUsd;
  }

  async #look(): Promise<GroupView> {
    const { autoScaling, ec2, group: name, clock } = this.#options;
    const [group, listed] = await Promise.all([
      autoScaling.group(name),
      ec2.describe({ key: GROUP_TAG, value: name }),
    ]);
    const nowMs = clock.monotonicMs();
    for (const [id, { atMs }] of this.#ended) if (nowMs - atMs >= HEARD_MS) this.#ended.delete(id);
    if (this.#asked && nowMs - this.#asked.atMs >= SHOWN_MS) this.#asked = undefined;
    const ended = new Map([...this.#ended].map(([id, { capacity }]) => [id, capacity]));
    const view = viewGroup(group, listed, { ended, asked: this.#asked?.desired });
    this.#missingSinceMs = view.missing === 0 ? undefined : (this.#missingSinceMs ?? nowMs);
    return view;
  }

  /** @returns what is wrong with it for good. @throws {ImgclsError} when it is not known whether it was done. */
  async #raise(desired: number, decision: string): Promise<ImgclsError | undefined> {
    const { autoScaling, group, clock } = this.#options;
    try {
      await autoScaling.tagLaunches(group, { [LAUNCH_TAG]: decision });
      await autoScaling.setDesired(group, desired);
    } catch (error) {
      if (error instanceof ImgclsError && !isTransient(error)) return error;
      throw error;
    }
    this.#asked = { desired, decision, atMs: clock.monotonicMs() };
    return undefined;
  }

  /** Those that are there first. */
  #newIn(after: GroupView, before: GroupView): string[] {
    const known = new Set(before.machines.map(({ id }) => id));
    const there = after.machines.filter(({ id, serves }) => serves && !known.has(id));
    return [...there.map(({ id }) => id), ...this.#missingIds(after).toReversed()];
  }

  #missingIds(view: GroupView): string[] {
    const decision = this.#asked?.decision ?? view.group.tags[LAUNCH_TAG] ?? '0';
    return Array.from({ length: view.missing }, (_, at) => `asked-${decision}-${at + 1}`);
  }

  async #missing(view: GroupView): Promise<FleetMember[]> {
    const { clock } = this.#options;
    const sinceMs = this.#missingSinceMs;
    if (sinceMs === undefined) return [];
    const lateBecause = await this.#whyLate(view.group, sinceMs);
    return this.#missingIds(view).map((id) => ({
      id,
      state: 'running',
      launchedAtMs: clock.nowMs() - (clock.monotonicMs() - sinceMs),
      hourlyUsd: 0,
      kind: 'asked for, not launched yet',
      ...(lateBecause !== undefined && { lateBecause }),
    }));
  }

  async #whyLate(group: ScalingGroup, sinceMs: number): Promise<string | undefined> {
    const { autoScaling, clock } = this.#options;
    if (group.isLaunchSuspended) return whySuspended(group);
    if (clock.monotonicMs() - sinceMs < LATE_MS) return undefined;
    try {
      return await autoScaling.lastLaunchFailure(group.name);
    } catch (error) {
      // That they are late is known, and that is what the fleet needs.
      return `AWS was asked why: ${messageOf(error)}`;
    }
  }

  /** @returns how many stay since the group's minimum is reached. */
  async #end(
    ids: readonly string[],
    atLeast: 'stay' | 'replaced',
  ): Promise<{ group: ScalingGroup; atMinimum: number }> {
    const view = await this.#look();
    const { group, machines } = view;
    let { serving } = view;
    let desired = await this.#giveUp(this.#missingIds(view).filter((id) => ids.includes(id)).length, view);
    let atMinimum = 0;
    let failure: unknown;
    for (const { id, state, serves } of machines) {
      if (state !== 'running' || !ids.includes(id)) continue;
      const isSurplus = serving > desired || !serves;
      const capacity = isSurplus || desired <= group.min ? 'keep' : 'lower';
      if (capacity === 'keep' && !isSurplus && atLeast === 'stay') {
        atMinimum++;
        continue;
      }
      try {
        await this.#endOne(id, capacity);
        if (serves) serving--;
        if (capacity === 'lower') desired--;
      } catch (error) {
        failure ??= error;
      }
    }
    if (failure !== undefined) throw failure;
    return { group, atMinimum };
  }

  /** Takes so many that are not launched yet off the desired capacity. @returns what is left of it. */
  async #giveUp(count: number, { group, desired }: GroupView): Promise<number> {
    const left = Math.max(group.min, desired - count);
    if (count === 0 || left === desired) return desired;
    await this.#options.autoScaling.setDesired(group.name, left);
    if (this.#asked !== undefined) this.#asked = { ...this.#asked, desired: left };
    return left;
  }

  /** Noted before: where the answer is lost, telling it again at once would lower the capacity twice. */
  async #endOne(id: string, capacity: CapacityAfter): Promise<void> {
    const { autoScaling, clock } = this.#options;
    this.#ended.set(id, { capacity, atMs: clock.monotonicMs() });
    try {
      await autoScaling.end(id, capacity);
    } catch (error) {
      if (!isTransient(error)) this.#ended.delete(id);
      throw error;
    }
    if (capacity === 'lower' && this.#asked !== undefined)
      this.#asked = { ...this.#asked, desired: this.#asked.desired - 1 };
  }

  #member({ id, type, zone, state, instance }: GroupMachine): FleetMember {
    const { priceOf, clock, maxLifetimeMs } = this.#options;
    const hourlyUsd = priceOf(type, instance?.market ?? 'on-demand');
    const launchedAtMs = instance?.launchedAtMs ?? clock.nowMs();
    return {
      id,
      state,
      launchedAtMs,
      kind: [type, zone, instance?.market].filter((part) => part !== undefined).join(' '),
      ...(hourlyUsd !== undefined && { hourlyUsd }),
      ...(instance && { expiresAtMs: launchedAtMs + maxLifetimeMs + EXPIRY_MARGIN_MS }),
    };
  }
}

const updateGroup = ({ name }: ScalingGroup): string =>
  `aws autoscaling update-auto-scaling-group --auto-scaling-group-name ${name}`;

const whyFull = (group: ScalingGroup, wanted: number): string =>
  `Auto Scaling group ${group.name} takes at most ${group.max} instances (its MaxSize): raise that (${updateGroup(group)} --max-size ${wanted}), or lower --max.`;

const whySuspended = ({ name }: ScalingGroup): string =>
  `launching is suspended in Auto Scaling group ${name}: resume it (aws autoscaling resume-processes --auto-scaling-group-name ${name} --scaling-processes Launch).`;

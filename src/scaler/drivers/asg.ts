/**
 * The instances of an EC2 Auto Scaling group as a fleet. AWS launches, places and replaces them; this driver sets how many
 * there are, and which of them end.
 *
 *     launch: desired capacity raised --AWS launches--> instances
 *     retire, terminate: one call ends an instance and lowers the desired capacity
 *
 * The desired capacity is absolute: it can be read from the group after a lost answer, and setting it twice launches nothing
 * twice. Instances that AWS has not launched yet are members too, with ids of their own.
 */
import { Readable } from 'node:stream';
import type { AutoScaling, CapacityAfter, ScalingGroup } from '../../core/aws-account/auto-scaling.ts';
import type { Ec2, Market } from '../../core/aws-account/ec2.ts';
import type { Clock } from '../../core/runtime/clock.ts';
import { ImgclsError, isTransient, messageAndHint, messageOf } from '../../core/runtime/errors.ts';
import {
  type FleetDriver,
  type FleetMember,
  type LaunchAnswer,
  type LaunchRequest,
  placeholder,
} from '../fleet.ts';
import { EXPIRY_MARGIN_MS, LAUNCH_TAG, RETIRE_AGAIN_MS } from './ec2.ts';
import { explainState } from './explain-instance.ts';
import { type GroupMachine, type GroupView, type PlannedEnd, planEnds, viewGroup } from './group-view.ts';

/** AWS sets it on every instance of the group. */
const GROUP_TAG = 'aws:autoscaling:groupName';
/** After a change of the desired capacity, listings may show the old one for this long. */
const LISTING_LAG_MS = 15_000;
/** Auto Scaling ends one instance a call. AWS names no limit of its calls; it throttles, and then fewer are made. */
const ENDS_AT_ONCE = 8;
/** A launch usually takes less. After this the driver asks AWS for the reason of the delay. */
const LATE_MS = 30_000;

export interface AsgFleetOptions {
  autoScaling: AutoScaling;
  ec2: Pick<Ec2, 'describe'>;
  group: string;
  maxLifetimeMs: number;
  /** Price of an instance's hour; undefined if it is unknown. */
  priceOf(type: string, market: Market): number | undefined;
  /** For people: why prices may be wrong. */
  priceWarnings?: readonly string[];
  /** Price of an instance that would be launched now; undefined if it is unknown. */
  hourlyUsd: number | undefined;
  /** Of the launch template. Absent if EC2 resolves it only at the launch. */
  image?: string | undefined;
  clock: Clock;
}

export function createAsgFleet(options: AsgFleetOptions): FleetDriver {
  return new AsgFleet(options);
}

class AsgFleet implements FleetDriver {
  readonly #options: AsgFleetOptions;
  /** The capacity set last, until listings are sure to show it. */
  #requested: { desired: number; decision: string; atMs: number } | undefined;
  /** Instances that were ended, until listings are sure to show it. */
  readonly #ended = new Map<string, { capacity: CapacityAfter; atMs: number }>();
  #missingSinceMs: number | undefined;

  constructor(options: AsgFleetOptions) {
    this.#options = options;
  }

  async members(): Promise<FleetMember[]> {
    const view = await this.#view();
    return [...view.machines.map((machine) => this.#member(machine)), ...(await this.#missing(view))];
  }

  async launch({ count, decision }: LaunchRequest): Promise<LaunchAnswer> {
    const before = await this.#view();
    const { group, desired, serving } = before;
    if (group.isLaunchSuspended) return { started: [], permanent: { count, why: whySuspended(group) } };
    // Instances protected from scale-in may exceed the desired capacity.
    const present = Math.max(desired, serving);
    const granted = Math.min(count, Math.max(0, group.max - present));
    const refused = { permanent: { count: count - granted, why: whyFull(group, present + count) } };
    if (granted === 0) return { started: [], ...refused };
    const problem = await this.#raise(present + granted, decision);
    if (problem !== undefined) return { started: [], permanent: { count, why: messageAndHint(problem) } };
    const started = this.#newIn(await this.#view(), before).slice(0, granted);
    return { started, ...(granted < count && refused) };
  }

  async retire(ids: readonly string[]): Promise<void> {
    const { group, atMinimum } = await this.#end(ids, 'stay');
    if (atMinimum === 0) return;
    throw new ImgclsError(
      'config',
      `Auto Scaling group ${group.name} keeps at least ${group.min} instances (its MinSize), so ${atMinimum} cannot be retired.`,
      { hint: `Lower it (${updateGroup(group)} --min-size 0), or set --min to at least ${group.min}.` },
    );
  }

  /** At the group's minimum AWS replaces the instance. */
  async terminate(ids: readonly string[]): Promise<void> {
    await this.#end(ids, 'replaced');
  }

  async hourlyUsd(): Promise<number | undefined> {
    return this.#options.hourlyUsd;
  }

  get image(): string | undefined {
    return this.#options.image;
  }

  get warnings(): readonly string[] {
    return this.#options.priceWarnings ?? [];
  }

  async explain(id: string): Promise<string | undefined> {
    const { ec2, group } = this.#options;
    return explainState(await ec2.describe({ key: GROUP_TAG, value: group }), id);
  }

  async #view(): Promise<GroupView> {
    const { autoScaling, ec2, group: name, clock } = this.#options;
    const [group, listed] = await Promise.all([
      autoScaling.group(name),
      ec2.describe({ key: GROUP_TAG, value: name }),
    ]);
    const nowMs = clock.monotonicMs();
    for (const [id, { atMs }] of this.#ended) if (nowMs - atMs >= RETIRE_AGAIN_MS) this.#ended.delete(id);
    if (this.#requested && nowMs - this.#requested.atMs >= LISTING_LAG_MS) this.#requested = undefined;
    const ended = new Map([...this.#ended].map(([id, { capacity }]) => [id, capacity]));
    const view = viewGroup(group, listed, { ended, requested: this.#requested?.desired });
    this.#missingSinceMs = view.missing === 0 ? undefined : (this.#missingSinceMs ?? nowMs);
    return view;
  }

  /** @returns the error if AWS refused for good. @throws {ImgclsError} if it is unknown whether it was done. */
  async #raise(desired: number, decision: string): Promise<ImgclsError | undefined> {
    const { autoScaling, group, clock } = this.#options;
    try {
      await autoScaling.tagLaunches(group, { [LAUNCH_TAG]: decision });
      await autoScaling.setDesired(group, desired);
    } catch (error) {
      if (error instanceof ImgclsError && !isTransient(error)) return error;
      throw error;
    }
    this.#requested = { desired, decision, atMs: clock.monotonicMs() };
    return undefined;
  }

  /** Launched instances first. */
  #newIn(after: GroupView, before: GroupView): string[] {
    const known = new Set(before.machines.map(({ id }) => id));
    const there = after.machines.filter(({ id, serves }) => serves && !known.has(id));
    return [...there.map(({ id }) => id), ...this.#missingIds(after).toReversed()];
  }

  #missingIds(view: GroupView): string[] {
    const decision = this.#requested?.decision ?? view.group.tags[LAUNCH_TAG] ?? '0';
    return Array.from({ length: view.missing }, (_, at) => placeholder(decision, at + 1));
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
      kind: 'requested, not launched yet',
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
      // The reason is only for people: without it the instances are still listed.
      return `AWS does not say why: ${messageOf(error)}`;
    }
  }

  /** @returns how many stay because the group is at its minimum. */
  async #end(
    ids: readonly string[],
    atLeast: 'stay' | 'replaced',
  ): Promise<{ group: ScalingGroup; atMinimum: number }> {
    const view = await this.#view();
    const chosen = new Set(ids);
    const desired = await this.#withdraw(this.#missingIds(view).filter((id) => chosen.has(id)).length, view);
    const { ends, atMinimum } = planEnds({ ...view, desired }, chosen, atLeast);
    let failure: unknown;
    await Readable.from(ends)
      .map(
        async ({ id, capacity }: PlannedEnd) => {
          // The others would be throttled too. The next tick continues.
          if (failure !== undefined && isTransient(failure)) return;
          try {
            await this.#endOne(id, capacity);
          } catch (error) {
            if (failure === undefined || isTransient(error)) failure = error;
          }
        },
        { concurrency: ENDS_AT_ONCE },
      )
      .toArray();
    if (failure !== undefined) throw failure;
    return { group: view.group, atMinimum };
  }

  /** Lowers the desired capacity by this many instances that are not launched yet. @returns the new one. */
  async #withdraw(count: number, { group, desired }: GroupView): Promise<number> {
    const left = Math.max(group.min, desired - count);
    if (count === 0 || left === desired) return desired;
    await this.#options.autoScaling.setDesired(group.name, left);
    if (this.#requested !== undefined) this.#requested = { ...this.#requested, desired: left };
    return left;
  }

  /** Recorded before the call: if the answer is lost, a repeated call would lower the capacity twice. */
  async #endOne(id: string, capacity: CapacityAfter): Promise<void> {
    const { autoScaling, clock } = this.#options;
    this.#ended.set(id, { capacity, atMs: clock.monotonicMs() });
    try {
      await autoScaling.end(id, capacity);
    } catch (error) {
      if (!isTransient(error)) this.#ended.delete(id);
      throw error;
    }
    if (capacity === 'lower' && this.#requested !== undefined)
      this.#requested = { ...this.#requested, desired: this.#requested.desired - 1 };
  }

  #member({ id, type, zone, state, instance }: GroupMachine): FleetMember {
    const { priceOf, clock, maxLifetimeMs } = this.#options;
    const hourlyUsd = priceOf(type, instance?.market ?? 'on-demand');
    const launchedAtMs = instance?.launchedAtMs ?? clock.nowMs();
    return {
      id,
      state,
      launchedAtMs,
      ...(instance?.image !== undefined && { image: instance.image }),
      kind: [type, zone, instance?.market].filter((part) => part !== undefined).join(' '),
      ...(hourlyUsd !== undefined && { hourlyUsd }),
      ...(instance && { expiresAtMs: launchedAtMs + maxLifetimeMs + EXPIRY_MARGIN_MS }),
    };
  }
}

const updateGroup = ({ name }: ScalingGroup): string =>
  `aws autoscaling update-auto-scaling-group --auto-scaling-group-name ${name}`;

const whyFull = (group: ScalingGroup, wanted: number): string =>
  `Auto Scaling group ${group.name} takes at most ${group.max} instances (its MaxSize): raise it (${updateGroup(group)} --max-size ${wanted}), or lower --max.`;

const whySuspended = ({ name }: ScalingGroup): string =>
  `launching is suspended in Auto Scaling group ${name}: resume it (aws autoscaling resume-processes --auto-scaling-group-name ${name} --scaling-processes Launch).`;

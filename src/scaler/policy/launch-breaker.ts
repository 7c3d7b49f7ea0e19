/**
 * Holds launches back after some that failed, such as those of a broken machine image. The same for every fleet driver. Pure.
 *
 *     closed --a launch fails--> open: pause, then one machine on trial --it works--> closed
 *                                       ^--it fails: twice the pause--'
 *     new machine image: one machine on trial --it works--> closed
 *
 * A machine works once its worker has reported an outcome, or has been ready for 30 s. Its launch has failed if it ends
 * before that and was not retired. Machines launched together are one launch, and one of them that works is enough. One
 * failed launch of one machine beside machines that work is an accident, and does not open the breaker.
 */
import type { ControllerReport } from '../../core/fleet/fleet.ts';
import type { Instant } from '../../core/runtime/clock.ts';
import { isUnknown } from '../../core/runtime/unknown.ts';
import { pluralize } from '../../core/text/pluralize.ts';
import { type FleetDriver, type FleetMember, isPlaceholder } from '../fleet.ts';
import type { Observation } from '../observation.ts';
import type { Snapshot } from '../snapshot.ts';
import type { WorkerObservation } from '../statuses.ts';
import { constantsOf } from './constants.ts';
import { limitOfLateLaunches } from './late-launches.ts';
import type { LaunchLimit, PolicySettings } from './policy.ts';
import { type FailedMachine, hasWorked, launchedMsOf, type Trial, verdictOf } from './trial.ts';

/** The first pause, in billing minimums of a machine. */
const PAUSE_IN_MINIMUMS = 3;
/** The first pause where a machine has no minimum: a process of this machine. */
const LEAST_PAUSE_MS = 2000;
/** The longest pause, in first pauses: 4 hours on EC2, less than 3 minutes on one machine. */
const LONGEST_IN_PAUSES = 80;
/** The pause after three failed launches of a machine image that never worked, in first pauses: a day on EC2. */
const UNPROVEN_IN_PAUSES = 480;
/** So many failed launches in a row, or machines of one, are no accident. A person should look. */
const WARN_FROM = 3;

type FailedLaunches = NonNullable<ControllerReport['failedLaunches']>;

/** What is stored for the next controller. */
export type LaunchRecord = Pick<ControllerReport, 'failedLaunches' | 'workedImage'>;

export interface LaunchBreakerOptions {
  settings: Pick<PolicySettings, 'billingMinimumMs' | 'constants'>;
  driver: Pick<FleetDriver, 'image'>;
  /** This controller continues where the last one has left. */
  goesOn?: boolean | undefined;
}

export class LaunchBreaker {
  readonly #firstPauseMs: number;
  readonly #driver: LaunchBreakerOptions['driver'];
  readonly #settings: LaunchBreakerOptions['settings'];
  #usualBootMs = Number.POSITIVE_INFINITY;
  #lastFailed: FailedLaunches | undefined;
  #workedImage: string | undefined;
  #next: Instant = { wallMs: 0, monotonicMs: Number.NEGATIVE_INFINITY };
  #countedAtMs = Number.NEGATIVE_INFINITY;
  readonly #trials = new Map<string, Trial>();
  /** Machines that the cloud has not launched yet. */
  #requested = 0;
  /** Stopped machines, which are started before others are launched. */
  #stopped = 0;
  readonly #working = new Set<string>();
  /** Retired or counted, and still listed. */
  readonly #over = new Set<string>();
  /** When the newest launch of which a machine works was made. */
  #workingSinceMs = Number.NEGATIVE_INFINITY;
  #isFirstLook = true;
  #isStartFailure = false;

  /**
   * @param last of the last controller. A person may have repaired what was wrong and replaced it, so at most the first pause
   * is left, unless this controller goes on where the last one has left.
   */
  constructor({ settings, driver, goesOn = false }: LaunchBreakerOptions, now: Instant, last?: LaunchRecord) {
    this.#driver = driver;
    this.#settings = settings;
    this.#firstPauseMs = Math.max(LEAST_PAUSE_MS, PAUSE_IN_MINIMUMS * settings.billingMinimumMs);
    this.#workedImage = last?.workedImage;
    this.#lastFailed = last?.failedLaunches;
    if (this.#failed === undefined) return;
    const { count, lastAtMs } = this.#failed;
    const sinceMs = Math.max(0, now.wallMs - lastAtMs);
    const pauseMs = goesOn ? this.#pauseAfter(count) : this.#firstPauseMs;
    this.#pause(Math.max(0, pauseMs - sinceMs), now);
  }

  get record(): LaunchRecord {
    const failedLaunches = this.#failed;
    const workedImage = this.#workedImage;
    return {
      ...(failedLaunches && { failedLaunches }),
      ...(workedImage !== undefined && { workedImage }),
    };
  }

  /** Since a machine worked. Undefined if there are none of the image that is launched now. */
  get #failed(): FailedLaunches | undefined {
    return this.#lastFailed?.image === this.#driver.image ? this.#lastFailed : undefined;
  }

  /** No machine of the image that is launched now has ever worked. */
  get #isUnproven(): boolean {
    const { image } = this.#driver;
    return image !== undefined && image !== this.#workedImage;
  }

  /** @param launchedMs if that was earlier, by the monotonic clock. */
  launched(ids: readonly string[], { monotonicMs }: Instant, launchedMs = monotonicMs): void {
    for (const id of ids)
      if (isPlaceholder(id)) this.#requested++;
      else this.#trials.set(id, { sinceMs: monotonicMs, launchedMs, readySinceMs: undefined });
  }

  /** A machine that ends because it is not needed says nothing about its launch. */
  retired(ids: readonly string[]): void {
    for (const id of ids) {
      this.#trials.delete(id);
      this.#working.delete(id);
      this.#over.add(id);
    }
  }

  /** @returns a machine of the launch that failed since the last look; undefined if none did. */
  observe(
    {
      members,
      statuses,
      snapshot,
    }: Pick<Observation, 'members' | 'statuses'> & { snapshot: Pick<Snapshot, 'measured'> },
    now: Instant,
  ): FailedMachine | undefined {
    this.#usualBootMs = snapshot.measured.bootMs;
    if (isUnknown(members) || isUnknown(statuses)) return undefined;
    const listed = new Map(members.map((member) => [member.id, member]));
    this.#follow(listed, statuses, now);
    const ended: FailedMachine[] = [];
    for (const [id, trial] of this.#trials) {
      const worker = statuses.get(id);
      const verdict = verdictOf(trial, { member: listed.get(id), worker, now });
      if (verdict === 'works') this.#works(id, trial);
      else if (verdict === 'over') this.retired([id]);
      else if (verdict !== undefined) ended.push({ id, ...verdict });
    }
    const { image } = this.#driver;
    if (this.#isUnproven && members.some((each) => each.image === image && this.#working.has(each.id)))
      this.#workedImage = image;
    if (this.#isAccident && this.#onTrial === 0 && now.monotonicMs >= this.#next.monotonicMs)
      this.#lastFailed = undefined;
    return this.ended(ended, now);
  }

  /**
   * Counts machines that ended, by themselves or by the controller.
   * @returns one of them if their launch has failed, and was not counted yet.
   */
  ended(machines: readonly FailedMachine[], now: Instant): FailedMachine | undefined {
    const counted = machines.find(({ id }) => {
      const sinceMs = this.#trials.get(id)?.sinceMs;
      return sinceMs !== undefined && sinceMs >= this.#countedAtMs && sinceMs > this.#workingSinceMs;
    });
    if (counted !== undefined) this.#count(counted, now);
    this.retired(machines.map(({ id }) => id));
    return counted;
  }

  /** Replaces the reason of the failure that was counted last. */
  explain(why: string): void {
    if (this.#lastFailed !== undefined) this.#lastFailed = { ...this.#lastFailed, why };
  }

  /** Undefined while launches are not limited. */
  limit({ monotonicMs }: Instant): LaunchLimit | undefined {
    if (this.#failed === undefined || this.#isAccident)
      return this.#isUnproven ? this.#firstTrial : this.#lateLaunches(monotonicMs);
    const launches = this.#onTrial === 0 && monotonicMs >= this.#next.monotonicMs ? 1 : 0;
    const { count } = this.#failed;
    const failed = count === 1 ? 'the last launch failed' : `the last ${count} launches failed`;
    return { launches, why: `${failed}, ${this.#nextStep}` };
  }

  /** From the third failed launch on, or the first one of several machines. */
  get warning(): string | undefined {
    if (this.#failed === undefined) return undefined;
    const { count, machines = 1, why } = this.#failed;
    if (Math.max(count, machines) < WARN_FROM) return undefined;
    const rule = this.#isUnproven
      ? `No worker has worked from machine image ${this.#driver.image} yet, so one is launched a day`
      : 'Workers are launched one at a time now';
    const failed =
      count === 1 ? `The last launch failed, of ${machines} workers` : `The last ${count} launches failed`;
    return `${failed}. ${why} ${rule}; ${this.#nextStep}.`;
  }

  /** Why no worker starts, if none works and a person has to do something; undefined if one may start. */
  get blockage(): string | undefined {
    const isBlocked = this.#isStartFailure && this.#working.size === 0 && this.#onTrial === 0;
    const { count = 0, why } = this.#failed ?? {};
    return isBlocked && count >= WARN_FROM ? `No worker starts. ${why}` : undefined;
  }

  get #firstTrial(): LaunchLimit {
    const why = `machine image ${this.#driver.image} is new, so one worker shows first that it works`;
    return { launches: this.#onTrial === 0 ? this.#stopped + 1 : 0, why };
  }

  #lateLaunches(monotonicMs: number): LaunchLimit | undefined {
    return limitOfLateLaunches({
      unproven: [...this.#trials.values()].filter(({ sinceMs }) => sinceMs > this.#workingSinceMs),
      requested: this.#requested,
      working: this.#working.size,
      bootMs: this.#usualBootMs,
      monotonicMs,
      constants: constantsOf(this.#settings),
    });
  }

  get #onTrial(): number {
    return this.#trials.size + this.#requested;
  }

  /** One machine was lost beside others that work. */
  get #isAccident(): boolean {
    const { count = 0, machines = 1 } = this.#failed ?? {};
    return count === 1 && machines === 1 && this.#working.size > 0;
  }

  get #nextStep(): string {
    if (this.#onTrial > 0) return `${pluralize(this.#onTrial, 'worker')} on trial`;
    return `the next launch is at ${new Date(this.#next.wallMs).toISOString()}`;
  }

  /** Forgets machines that are gone, and puts new ones on trial. */
  #follow(
    listed: ReadonlyMap<string, FleetMember>,
    statuses: ReadonlyMap<string, WorkerObservation>,
    now: Instant,
  ): void {
    for (const ids of [this.#working, this.#over])
      for (const id of ids) if ((listed.get(id)?.state ?? 'stopped') === 'stopped') ids.delete(id);
    this.#requested = 0;
    this.#stopped = [...listed.values()].filter(({ state }) => state === 'stopped').length;
    for (const member of listed.values()) {
      const { id, state } = member;
      const isKnown = this.#trials.has(id) || this.#working.has(id) || this.#over.has(id);
      if (state !== 'running' || isKnown) continue;
      // A machine that worked before this controller began does not prove that later launches work.
      if (this.#isFirstLook && hasWorked(statuses.get(id))) this.#working.add(id);
      else
        this.launched([id], now, this.#isFirstLook ? launchedMsOf(member, statuses.get(id), now) : undefined);
    }
    this.#isFirstLook = false;
  }

  #works(id: string, { sinceMs }: Trial): void {
    this.#trials.delete(id);
    this.#working.add(id);
    this.#workingSinceMs = Math.max(this.#workingSinceMs, sinceMs);
    this.#lastFailed = undefined;
  }

  #count({ id, why }: FailedMachine, now: Instant): void {
    const { count: before = 0, machines: most = 0 } = this.#failed ?? {};
    const count = before + 1;
    const { image } = this.#driver;
    const trial = this.#trials.get(id);
    const together = [...this.#trials.values()].filter(({ sinceMs }) => sinceMs === trial?.sinceMs);
    const machines = Math.max(most, together.length);
    this.#lastFailed = { count, machines, lastAtMs: now.wallMs, why, ...(image !== undefined && { image }) };
    this.#countedAtMs = now.monotonicMs;
    this.#isStartFailure = trial?.readySinceMs === undefined;
    this.#pause(this.#pauseAfter(count), now);
  }

  #pauseAfter(failures: number): number {
    if (this.#isUnproven && failures >= WARN_FROM) return this.#firstPauseMs * UNPROVEN_IN_PAUSES;
    return this.#firstPauseMs * Math.min(LONGEST_IN_PAUSES, 2 ** (failures - 1));
  }

  #pause(ms: number, { wallMs, monotonicMs }: Instant): void {
    this.#next = { wallMs: wallMs + ms, monotonicMs: monotonicMs + ms };
  }
}

/**
 * The controller: observe, decide, act, again and again; one a cluster.
 *
 *     standing by --lock got--> acting --lock lost--> standing by
 *     acting: observe -> decide (pure) -> launch | retire | reap -> report
 *
 * Queues and machines are read anew at each tick. The lists of workers and of unfinished jobs are, too, but where there
 * is nothing of all that: on AWS they may be 90 s old then (`restingListEveryMs`). What it has to remember over a restart
 * stands in its report. Whoever lost the lock acts no more. Who took it from a holder that may live and has not let go
 * waits a little before launching, so that launches which that one had under way are seen first.
 */

import type { ControllerReport } from '../core/fleet/fleet.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { isTransient, messageOf } from '../core/runtime/errors.ts';
import type { Log } from '../core/runtime/log.ts';
import { CostLedger } from './cost-ledger.ts';
import type { FleetDriver, FleetMember, LaunchAnswer } from './fleet.ts';
import type { Observation } from './observe.ts';
import { decide } from './policy/decide.ts';
import type { Decision, Policy, PolicySettings } from './policy/policy.ts';
import { ScalingHistory } from './policy/scaling-history.ts';
import { type Suspect, suspects } from './reap.ts';
import { Reporter, type Reports } from './reporter.ts';
import { isUnknown } from './snapshot.ts';

export interface ControllerOptions {
  lock: { readonly epoch: number | undefined; readonly isInherited: boolean };
  driver: FleetDriver;
  observer: {
    observe(costUsdOf: (job: string) => number): Promise<Observation>;
    remember(measured: ControllerReport['measured']): void;
  };
  reports: Reports;
  /** A report that says nothing new is written so often. */
  reportEveryMs: number;
  settings: PolicySettings;
  /** In place of the one that the settings name: a simulation brings rivals. */
  policy?: Policy;
  bootDeadlineMs: number;
  holder: string;
  driverName: string;
  clock: Clock;
  log: Log;
}

/**
 * Before the first launch where the last holder may live and has not let go. That one has acted no more for half a time
 * to live of its lock already; what it began just before may still come to be seen.
 */
const INHERITED_PAUSE_MS = 10_000;

/** What one tick saw and did. */
export interface Tick {
  decision: Decision;
  observation: Observation;
  answer?: LaunchAnswer;
  reaped: readonly Suspect[];
  report: ControllerReport;
  /** What the fleet has cost since the tick before, of whichever controller; undefined where that is not known. */
  spentUsd?: number | undefined;
}

export class Controller {
  readonly #options: ControllerOptions;
  #epoch: number | undefined;
  #decisions = 0;
  #actsFromMs = 0;
  #lastLaunchAtMs: number | undefined;
  #memory = new ScalingHistory();
  #suspectsBefore = new Set<string>();
  #books: CostLedger;
  readonly #reporter: Reporter;

  constructor(options: ControllerOptions) {
    this.#options = options;
    this.#reporter = new Reporter(options);
    this.#books = new CostLedger(options.settings.billingMinimumMs);
  }

  /** Undefined while another controller holds the lock. */
  async tick(): Promise<Tick | undefined> {
    const { lock, observer, clock } = this.#options;
    if (lock.epoch === undefined) return undefined;
    if (lock.epoch !== this.#epoch) await this.#begin(lock.epoch);
    const observation = await observer.observe((job) => this.#books.costUsdOf(job));
    this.#books.record(observation, { wallMs: clock.nowMs(), monotonicMs: clock.monotonicMs() });
    const decision = this.#decide(observation);
    const answer = await this.#act(decision);
    const reaped = await this.#reap(observation);
    const report = this.#report(observation, decision, answer);
    if (this.#mayAct) await this.#write(report, observation);
    const { spentUsd } = this.#books;
    return { decision, observation, reaped, report, spentUsd, ...(answer && { answer }) };
  }

  /** What was done is done, whether or not it can be reported now: the next report says it, too. */
  async #write(report: ControllerReport, { snapshot }: Observation): Promise<void> {
    const { log } = this.#options;
    try {
      await this.#reporter.write(report, snapshot);
      await this.#writeJobCosts();
    } catch (error) {
      if (!isTransient(error)) throw error;
      log.warn({ error: messageOf(error) }, 'The controller cannot report for now.');
    }
  }

  async #writeJobCosts(): Promise<void> {
    const { clock, reports } = this.#options;
    const atMs = clock.monotonicMs();
    const byJobUsd = this.#books.due(atMs);
    await reports.writeJobCosts(byJobUsd);
    this.#books.wrote(byJobUsd, atMs);
  }

  /** Looks and decides, and does nothing. */
  async look(): Promise<Pick<Tick, 'decision' | 'observation'>> {
    await this.#recall();
    const observation = await this.#options.observer.observe((job) => this.#books.costUsdOf(job));
    return { observation, decision: this.#decide(observation) };
  }

  async #begin(epoch: number): Promise<void> {
    const { lock, clock } = this.#options;
    await this.#recall();
    await this.#reporter.begin();
    this.#epoch = epoch;
    this.#decisions = 0;
    this.#memory = new ScalingHistory();
    this.#suspectsBefore.clear();
    this.#actsFromMs = clock.monotonicMs() + (lock.isInherited ? INHERITED_PAUSE_MS : 0);
  }

  async #recall(): Promise<void> {
    const last = await this.#options.reports.read();
    if (last === undefined) return;
    this.#options.observer.remember(last.measured);
    this.#lastLaunchAtMs = last.lastLaunchAtMs;
    this.#books = new CostLedger(this.#options.settings.billingMinimumMs, {
      cost: last.cost,
      atMs: last.updatedAtMs,
    });
  }

  /** Still the holder of the lock that this tick began with. */
  get #mayAct(): boolean {
    return this.#options.lock.epoch === this.#epoch;
  }

  #decide({ snapshot }: Observation): Decision {
    const { clock, settings, policy } = this.#options;
    const nowMs = clock.monotonicMs();
    this.#memory.look(snapshot, nowMs);
    const history = {
      sinceLaunchMs:
        this.#lastLaunchAtMs === undefined ? undefined : Math.max(0, clock.nowMs() - this.#lastLaunchAtMs),
      ...this.#memory.recall(nowMs),
    };
    const decision = decide(snapshot, settings, history, policy);
    this.#memory.note(decision, nowMs);
    return decision;
  }

  async #act({ launch, retire }: Decision): Promise<LaunchAnswer | undefined> {
    const { driver, clock } = this.#options;
    if (retire.length > 0 && this.#mayAct) await driver.retire(retire);
    if (launch === 0 || !this.#mayAct || clock.monotonicMs() < this.#actsFromMs) return undefined;
    this.#lastLaunchAtMs = clock.nowMs();
    return await driver.launch({ count: launch, decision: `${this.#epoch}-${++this.#decisions}` });
  }

  /** Ends what is suspect at two looks in a row. */
  async #reap({ members, statuses, sightingOf }: Observation): Promise<Suspect[]> {
    const { clock, driver, bootDeadlineMs } = this.#options;
    if (isUnknown(members) || isUnknown(statuses)) return [];
    const found = suspects({
      members,
      heard: statuses,
      sightingOf,
      nowMs: clock.nowMs(),
      monotonicMs: clock.monotonicMs(),
      bootDeadlineMs,
    });
    const confirmed = found.filter(({ id }) => this.#suspectsBefore.has(id));
    this.#suspectsBefore = new Set(found.map(({ id }) => id));
    if (confirmed.length === 0 || !this.#mayAct) return [];
    await driver.terminate(confirmed.map(({ id }) => id));
    return confirmed;
  }

  #report(observation: Observation, decision: Decision, answer: LaunchAnswer | undefined): ControllerReport {
    const { clock, holder, driverName, settings } = this.#options;
    const { snapshot, members, measured } = observation;
    const phases = new Map(
      isUnknown(snapshot.machines) ? [] : snapshot.machines.map(({ id, phase }) => [id, phase]),
    );
    const refused = [answer?.retryable, answer?.permanent].filter((part) => part !== undefined);
    const cost = this.#books.cost;
    const known = isUnknown(members) ? [] : members;
    return {
      v: 1,
      holder,
      epoch: this.#epoch ?? 0,
      updatedAtMs: clock.nowMs(),
      driver: driverName,
      policy: settings.policy,
      min: settings.min,
      max: settings.max,
      target: decision.target,
      reason: decision.reason,
      warnings: [
        ...decision.warnings,
        ...refused.map(({ count, why }) => `${count} not launched: ${why}`),
        ...lateOnes(known),
      ],
      machines: known.map(({ id, state, launchedAtMs, kind, hourlyUsd }) => ({
        id,
        phase: phases.get(id) ?? (state === 'running' ? 'booting' : state),
        launchedAtMs,
        ...(kind !== undefined && { kind }),
        ...(hourlyUsd !== undefined && { hourlyUsd }),
      })),
      measured,
      ...(settings.hourlyUsd !== undefined && { hourlyUsd: settings.hourlyUsd }),
      ...(this.#lastLaunchAtMs !== undefined && { lastLaunchAtMs: this.#lastLaunchAtMs }),
      ...(cost !== undefined && { cost }),
    };
  }
}

/** Each reason once, with how many wait for it. */
function lateOnes(members: readonly FleetMember[]): string[] {
  const reasons = members.flatMap(({ lateBecause }) => lateBecause ?? []);
  return [...new Set(reasons)].map(
    (why) => `${reasons.filter((each) => each === why).length} not launched yet: ${why}`,
  );
}

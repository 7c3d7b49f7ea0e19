/**
 * The controller: observe, decide, act, at every tick. One per cluster acts.
 *
 *     standing by --lock acquired--> acting --lock lost--> standing by
 *     acting: observe -> decide (pure) -> retire, launch, reap -> report
 *
 * Each verb may fail by itself: the others go on, and the report says what failed.
 *
 * Every tick reads queues and machines, and the lists of workers and of unfinished jobs. In an idle cluster on AWS those
 * lists may be 90 s old (`restingListEveryMs`). State that must survive a restart is in the report. A controller without
 * the lock does not act. One that took the lock from a holder that may be alive and has not released it waits before it
 * launches, until the launches of that holder are visible.
 */

import type { ControllerReport } from '../core/fleet/fleet.ts';
import { type Clock, type Instant, monotonicAt } from '../core/runtime/clock.ts';
import type { Log } from '../core/runtime/log.ts';
import { isUnknown } from '../core/runtime/unknown.ts';
import { composeReport, type ReportInput } from './compose-report.ts';
import { CostLedger } from './cost-ledger.ts';
import type { FleetDriver, LaunchAnswer } from './fleet.ts';
import type { Forecaster } from './forecast/forecaster.ts';
import type { Observation } from './observation.ts';
import { decide } from './policy/decide.ts';
import { LaunchBreaker } from './policy/launch-breaker.ts';
import type { Decision, Policy, PolicySettings } from './policy/policy.ts';
import { ScalingHistory } from './policy/scaling-history.ts';
import type { FailedMachine } from './policy/trial.ts';
import { limitReaping, type Reaping, type Suspect, suspects } from './reap.ts';
import { recollect } from './recollect.ts';
import { Reporter, type Reports } from './reporter.ts';
import type { Snapshot } from './snapshot.ts';
import { StoredJobCosts } from './stored-job-costs.ts';
import { type VerbFailure, VerbFailures } from './verb-failures.ts';
import { whyFailed } from './why-failed.ts';

export interface ControllerOptions {
  lock: { readonly epoch: number | undefined; readonly isInherited: boolean };
  driver: FleetDriver;
  /** Absent: work that recurs is not expected. */
  forecaster?: Forecaster | undefined;
  observer: {
    observe(): Promise<Observation>;
    remember(measured: ControllerReport['measured']): void;
  };
  reports: Reports;
  /** An unchanged report is written this often. */
  reportEveryMs: number;
  /** One object, whose values may change between two ticks. */
  settings: PolicySettings;
  /** Absent: the settings stay as they are. */
  clusterSettings?: ClusterSettingsSource;
  /** Overrides the policy that the settings name. A simulation compares others with it. */
  policy?: Policy;
  bootDeadlineMs: number;
  /** The last controller has left, and this one is its next shift: failed launches before it still count. */
  goesOn?: boolean | undefined;
  holder: string;
  driverName: string;
  clock: Clock;
  log: Log;
}

/** Changes the settings of a controller between two ticks. */
export interface ClusterSettingsSource {
  /** Continues with the settings of the last controller, as far as they cannot be read. */
  recall(last: ControllerReport['settings']): Promise<void>;
  /** Takes over what a person has changed. Never fails: the settings then stay as they are. */
  refresh(): Promise<void>;
  /** Those that apply, if they are not the defaults. */
  readonly inForce: ControllerReport['settings'];
  /** Why a change does not apply; undefined if all do. */
  readonly problem: string | undefined;
}

/**
 * Wait before the first launch if the last holder may be alive and has not released the lock. It stopped acting half a
 * lock lifetime ago, but its last launches may not be listed yet.
 */
const INHERITED_PAUSE_MS = 10_000;

type PricedObservation = Observation & { snapshot: Snapshot };

/** What one tick observed and did. */
export interface Tick {
  decision: Decision;
  observation: PricedObservation;
  answer?: LaunchAnswer;
  reaped: readonly Suspect[];
  report: ControllerReport;
  /** Cost of the fleet since the previous tick of any controller; undefined if unknown. */
  spentUsd?: number | undefined;
  /** Why no worker starts, after several tries; undefined if one works or may start. */
  blockage: string | undefined;
  /** Verbs that failed. The report names them; a failure to write the report is in the next one. */
  failures: readonly VerbFailure[];
}

export class Controller {
  readonly #options: ControllerOptions;
  #epoch: number | undefined;
  #decisions = 0;
  #actsFromMs = 0;
  /** By both clocks: the cooldown must not depend on one that was set. */
  #lastLaunch: Instant | undefined;
  #history = new ScalingHistory();
  #suspectsBefore = new Set<string>();
  #costLedger: CostLedger;
  #breaker: LaunchBreaker;
  readonly #storedCosts: StoredJobCosts;
  /** Why the last report could not be written. */
  #unreported: readonly string[] = [];
  readonly #reporter: Reporter;

  constructor(options: ControllerOptions) {
    this.#options = options;
    this.#reporter = new Reporter(options);
    this.#storedCosts = new StoredJobCosts(options);
    this.#costLedger = new CostLedger(options.settings);
    this.#breaker = new LaunchBreaker(options, this.#now);
  }

  /** Undefined while another controller holds the lock. */
  async tick(): Promise<Tick | undefined> {
    const { lock, observer } = this.#options;
    if (lock.epoch === undefined) return undefined;
    if (lock.epoch !== this.#epoch) await this.#begin(lock.epoch);
    const { epoch } = lock;
    await this.#refreshSettings(epoch);
    const failures = new VerbFailures();
    await failures.attempt('settle', async () => this.#options.driver.settle?.(epoch));
    const observed = await observer.observe();
    this.#options.driver.measured?.(observed.measured.imagesPerSecondByType ?? {});
    await this.#storedCosts.recall(this.#costLedger, observed.snapshot.jobs);
    this.#costLedger.record(observed, this.#now);
    await this.#explain(this.#breaker.observe(observed, this.#now));
    const observation = this.#priced(observed);
    const decision = this.#decide(observation);
    await failures.attempt('retire', () => this.#retire(decision));
    const answer = await failures.attempt('launch', () => this.#launch(decision));
    const { reap, warning } = this.#lost(observation);
    const reaped = (await failures.attempt('reap', () => this.#reap(reap))) ?? [];
    await this.#explain(this.#breaker.ended(reaped, this.#now));
    const { driver, clusterSettings } = this.#options;
    const own = [...(driver.warnings ?? []), clusterSettings?.problem, warning, this.#breaker.warning].filter(
      (each) => each !== undefined,
    );
    const warnings = [...failures.warnings, ...this.#unreported, ...own];
    const report = this.#report({ observation, decision, answer, warnings });
    const reporting = new VerbFailures();
    if (this.#mayAct) await reporting.attempt('report', () => this.#write(report, observation));
    this.#unreported = reporting.warnings;
    const { spentUsd } = this.#costLedger;
    const all = [...failures.all, ...reporting.all];
    const { blockage } = this.#breaker;
    const tick = { decision, observation, reaped, report, blockage, spentUsd };
    return { ...tick, failures: all, ...(answer && { answer }) };
  }

  async #write(report: ControllerReport, { snapshot }: PricedObservation): Promise<void> {
    await this.#reporter.write(report, snapshot);
    await this.#options.forecaster?.write();
    await this.#storedCosts.write(this.#costLedger);
  }

  /** A dry run: observes and decides, but does not act. */
  async look(): Promise<Pick<Tick, 'decision' | 'observation'>> {
    await this.#restore();
    await this.#refreshSettings(0);
    const observation = this.#priced(await this.#options.observer.observe());
    return { observation, decision: this.#decide(observation) };
  }

  get #now(): Instant {
    const { clock } = this.#options;
    return { wallMs: clock.nowMs(), monotonicMs: clock.monotonicMs() };
  }

  async #explain(failed: FailedMachine | undefined): Promise<void> {
    if (failed !== undefined) this.#breaker.explain(await whyFailed(failed, this.#options));
  }

  #priced(observation: Observation): PricedObservation {
    return { ...observation, snapshot: this.#costLedger.priced(observation.snapshot) };
  }

  async #begin(epoch: number): Promise<void> {
    const { lock, clock } = this.#options;
    await this.#restore();
    await this.#reporter.begin();
    this.#epoch = epoch;
    this.#decisions = 0;
    this.#history = new ScalingHistory();
    this.#suspectsBefore.clear();
    this.#actsFromMs = clock.monotonicMs() + (lock.isInherited ? INHERITED_PAUSE_MS : 0);
  }

  async #restore(): Promise<void> {
    const { reports, driver, observer, settings, clusterSettings, clock, log } = this.#options;
    const loss = 'The report of the last controller cannot be read; the total cost of the fleet starts anew.';
    const last = await recollect(() => reports.read(), log, { loss });
    this.#breaker = new LaunchBreaker(this.#options, this.#now, last);
    if (last === undefined) return;
    driver.recall?.(last);
    await clusterSettings?.recall(last.settings);
    observer.remember(last.measured);
    const wallMs = last.lastLaunchAtMs;
    this.#lastLaunch = wallMs === undefined ? undefined : { wallMs, monotonicMs: monotonicAt(clock, wallMs) };
    this.#costLedger = new CostLedger(settings, {
      cost: last.cost,
      atMs: last.updatedAtMs,
      machines: last.machines.filter(({ hourlyUsd }) => hourlyUsd !== undefined).map(({ id }) => id),
    });
  }

  /** They may turn the forecast on. */
  async #refreshSettings(epoch: number): Promise<void> {
    await this.#options.clusterSettings?.refresh();
    await this.#options.forecaster?.begin(epoch);
  }

  /** Still the holder of the lock that this tick began with. */
  get #mayAct(): boolean {
    return this.#options.lock.epoch === this.#epoch;
  }

  #decide({ snapshot, arrived }: PricedObservation): Decision {
    const { clock, settings, policy, forecaster } = this.#options;
    const nowMs = clock.monotonicMs();
    this.#history.observe(arrived, nowMs);
    forecaster?.observe(arrived, { ...settings, ...snapshot.measured });
    const history = {
      sinceLaunchMs: this.#lastLaunch && nowMs - this.#lastLaunch.monotonicMs,
      ...this.#history.summary(nowMs),
      launchLimit: this.#breaker.limit(this.#now),
      ...forecaster?.outlook,
    };
    const decision = decide(snapshot, settings, history, policy);
    this.#history.recordDecision(decision, nowMs);
    return decision;
  }

  async #retire({ retire }: Decision): Promise<void> {
    if (retire.length === 0 || !this.#mayAct) return;
    this.#breaker.retired(retire);
    await this.#options.driver.retire(retire);
  }

  async #launch({ launch }: Decision): Promise<LaunchAnswer | undefined> {
    const { driver, clock } = this.#options;
    if (launch === 0 || !this.#mayAct || clock.monotonicMs() < this.#actsFromMs) return undefined;
    this.#lastLaunch = this.#now;
    const answer = await driver.launch({ count: launch, decision: `${this.#epoch}-${++this.#decisions}` });
    this.#breaker.launched(answer.started, this.#now);
    return answer;
  }

  /** Machines that are suspect at two ticks in a row, as far as they may be ended. */
  #lost({ members, statuses, machineObservation }: Observation): Reaping {
    const { clock, bootDeadlineMs } = this.#options;
    if (isUnknown(members) || isUnknown(statuses)) return { reap: [], warning: undefined };
    const input = {
      members,
      workers: statuses,
      machineObservation,
      nowMs: clock.nowMs(),
      monotonicMs: clock.monotonicMs(),
      bootDeadlineMs,
    };
    const found = suspects(input);
    const confirmed = found.filter(({ id }) => this.#suspectsBefore.has(id));
    this.#suspectsBefore = new Set(found.map(({ id }) => id));
    return limitReaping(confirmed, input);
  }

  async #reap(lost: readonly Suspect[]): Promise<readonly Suspect[]> {
    if (lost.length === 0 || !this.#mayAct) return [];
    await this.#options.driver.terminate(lost.map(({ id }) => id));
    return lost;
  }

  #report(input: Pick<ReportInput, 'observation' | 'decision' | 'answer' | 'warnings'>): ControllerReport {
    return composeReport({
      ...this.#options,
      ...input,
      epoch: this.#epoch ?? 0,
      lastLaunchAtMs: this.#lastLaunch?.wallMs,
      launches: this.#breaker.record,
      cost: this.#costLedger.cost,
    });
  }
}

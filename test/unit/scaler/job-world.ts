import type { Ec2, Ec2Instance } from '../../../src/core/aws-account/ec2.ts';
import type { ControllerReport, WorkerStatus } from '../../../src/core/fleet/fleet.ts';
import { noLog } from '../../../src/core/runtime/log.ts';
import { Controller } from '../../../src/scaler/controller.ts';
import { createEc2Fleet } from '../../../src/scaler/drivers/ec2.ts';
import type { FleetMember } from '../../../src/scaler/fleet.ts';
import { MachineWatch } from '../../../src/scaler/machines.ts';
import type { Observation } from '../../../src/scaler/observation.ts';
import type { PolicySettings } from '../../../src/scaler/policy/policy.ts';
import type { WorkerObservation } from '../../../src/scaler/statuses.ts';
import { virtualClock } from '../virtual-clock.ts';

export const TICK_MS = 5000;
const MINUTE = 60_000;
const HOUR_MS = 3_600_000;
const MAX_BATCH = 16;
/** EC2 lists terminated instances for a while. */
const TERMINATED_MS = 10 * MINUTE;

export interface JobWorldOptions {
  jobs: readonly { id: string; images: number; atMs?: number }[];
  settings?: Partial<PolicySettings>;
  bootMs?: number;
  /** Of one machine. */
  imagesPerSecond?: number;
  hourlyUsd?: number;
  /** Of the machines. Undefined: not known, so no machine is on trial for it. */
  image?: string | undefined;
  /** EC2 lists the nth instance this long after its launch. */
  listedAfterMs?(n: number): number;
  /** The image of the machines never becomes ready. */
  isBroken?(): boolean;
  /** The nth instance stops working and reporting at this age. */
  hangsAtMs?(n: number): number;
  /** The nth instance is lost at this age. */
  lostAtMs?(n: number): number;
}

interface Instance extends Ec2Instance {
  n: number;
  launched: number;
  endedMs: number | undefined;
  imagesByJob: Record<string, number>;
}

const never = () => Number.POSITIVE_INFINITY;

/** The real controller and EC2 driver over a simulated EC2 whose instances work on jobs, fairly, in steps of a tick. */
export class JobWorld {
  readonly clock = virtualClock(10 * HOUR_MS);
  readonly startMs = this.clock.nowMs();
  readonly instances: Instance[] = [];
  up: readonly Instance[] = [];
  readonly reports: ControllerReport[] = [];
  readonly costs: Record<string, number> = {};
  /** Of each launch: the jobs that were unfinished then. */
  readonly launches: { atMs: number; count: number; unfinished: readonly string[] }[] = [];
  readonly left: Map<string, number>;
  peak = 0;
  /** Time of machines while there was no job. */
  idleMs = 0;
  controller: Controller;
  readonly settings: PolicySettings;
  readonly #options: Required<Omit<JobWorldOptions, 'settings'>>;
  readonly #watch = new MachineWatch(this.clock);

  constructor({ settings, ...options }: JobWorldOptions) {
    this.#options = {
      bootMs: 72_000,
      imagesPerSecond: 40,
      hourlyUsd: 0.36,
      image: undefined,
      listedAfterMs: () => 0,
      isBroken: () => false,
      hangsAtMs: never,
      lostAtMs: never,
      ...options,
    };
    this.left = new Map(options.jobs.map(({ id, images }) => [id, images]));
    this.settings = {
      policy: 'backlog',
      min: 0,
      max: 50,
      maxLaunchPerTick: 100,
      cooldownMs: 10_000,
      idleMs: undefined,
      targetMs: 120_000,
      billingMinimumMs: MINUTE,
      hourlyUsd: this.#options.hourlyUsd,
      maxHourlyCostUsd: undefined,
      maxJobCostUsd: undefined,
      ...settings,
    };
    this.controller = this.newController();
  }

  newController(shift: { goesOn?: boolean } = {}): Controller {
    const driver = createEc2Fleet({
      ec2: this.#ec2(),
      cluster: 'test',
      template: 'workers',
      pools: [{}],
      onDemandPercentage: 100,
      warm: 0,
      maxLifetimeMs: 1e12,
      priceOf: () => this.#options.hourlyUsd,
      types: ['c7i.large'],
      image: this.#options.image,
      clock: this.clock,
    });
    return new Controller({
      lock: { epoch: 1, isInherited: false },
      driver,
      observer: { observe: async () => this.#observe(await driver.members()), remember: () => {} },
      reports: {
        read: async () => this.reports.at(-1),
        write: async (report) => void this.reports.push(report),
        readJobCost: async (job) => this.costs[job],
        writeJobCosts: async (byJobUsd) => void Object.assign(this.costs, byJobUsd),
        readHistory: async () => [],
        writeHistory: async () => {},
      },
      settings: this.settings,
      bootDeadlineMs: 600_000,
      reportEveryMs: MINUTE,
      holder: 'us',
      driverName: 'ec2',
      ...shift,
      clock: this.clock,
      log: noLog,
    });
  }

  async run(forMs: number): Promise<void> {
    const untilMs = this.clock.nowMs() + forMs;
    while (this.clock.nowMs() < untilMs) {
      await this.controller.tick();
      this.peak = Math.max(this.peak, this.up.length);
      this.clock.advance(TICK_MS);
      this.#work();
    }
  }

  /** As EC2 bills it. */
  get paidUsd(): number {
    const nowMs = this.clock.nowMs();
    const billedMs = this.instances.reduce(
      (sum, { launched, endedMs = nowMs }) => sum + Math.max(MINUTE, endedMs - launched),
      0,
    );
    return (billedMs * this.#options.hourlyUsd) / HOUR_MS;
  }

  get #unfinished(): string[] {
    const nowMs = this.clock.nowMs();
    return this.#options.jobs
      .filter(({ id, atMs = 0 }) => this.startMs + atMs <= nowMs && (this.left.get(id) ?? 0) > 0)
      .map(({ id }) => id);
  }

  get #arrived(): Observation['arrived'] {
    const sinceStartMs = this.clock.nowMs() - this.startMs;
    const arrived = this.#options.jobs.filter(
      ({ atMs = 0 }) => atMs <= sinceStartMs && atMs > sinceStartMs - TICK_MS,
    );
    const images = arrived.reduce((sum, job) => sum + job.images, 0);
    return { jobs: arrived.length, ids: [], workMs: (1000 * images) / this.#options.imagesPerSecond };
  }

  #isWorking({ n, launched }: Instance): boolean {
    const ageMs = this.clock.nowMs() - launched;
    return ageMs >= this.#options.bootMs && !this.#options.isBroken() && ageMs < this.#options.hangsAtMs(n);
  }

  /** What the instances did in the last tick. */
  #work(): void {
    const { imagesPerSecond, lostAtMs } = this.#options;
    if (this.#unfinished.length === 0) this.idleMs += TICK_MS * this.up.length;
    for (const instance of this.up) {
      if (this.clock.nowMs() - instance.launched >= lostAtMs(instance.n)) {
        this.#end([instance.id]);
        continue;
      }
      if (!this.#isWorking(instance)) continue;
      let capacity = (imagesPerSecond * TICK_MS) / 1000;
      for (let open = this.#unfinished; capacity >= 1 && open.length > 0; open = this.#unfinished) {
        const each = Math.max(1, Math.floor(capacity / open.length));
        for (const job of open) {
          const done = Math.min(each, this.left.get(job) ?? 0, capacity);
          this.left.set(job, (this.left.get(job) ?? 0) - done);
          instance.imagesByJob[job] = (instance.imagesByJob[job] ?? 0) + done;
          capacity -= done;
        }
      }
    }
  }

  #end(ids: readonly string[]): void {
    for (const instance of this.up)
      if (ids.includes(instance.id))
        Object.assign(instance, { endedMs: this.clock.nowMs(), state: 'terminated' });
    this.up = this.up.filter(({ endedMs }) => endedMs === undefined);
  }

  #ec2(): Ec2 {
    const { listedAfterMs } = this.#options;
    const ec2: Partial<Ec2> = {
      describe: async () =>
        this.instances
          .filter(({ n, launched }) => this.clock.nowMs() - launched >= listedAfterMs(n))
          .filter(({ endedMs = Number.POSITIVE_INFINITY }) => this.clock.nowMs() - endedMs < TERMINATED_MS)
          .map((each) => ({ ...each })),
      launch: async ({ onDemand: count, tags }) => {
        const { image } = this.#options;
        const atMs = this.clock.nowMs();
        this.launches.push({ atMs, count, unfinished: this.#unfinished });
        const started = Array.from({ length: count }, () => {
          const n = this.instances.length;
          const instance: Instance = {
            id: `i-${n}`,
            n,
            state: 'running',
            type: 'c7i.large',
            ...(image !== undefined && { image }),
            zone: 'a',
            market: 'on-demand',
            launchedAtMs: atMs,
            tags,
            launched: atMs,
            endedMs: undefined,
            imagesByJob: {},
          };
          this.instances.push(instance);
          return instance.id;
        });
        this.up = this.instances.filter(({ endedMs }) => endedMs === undefined);
        return { started, refusals: [] };
      },
      tag: async () => {},
      consoleOutput: async () => 'booting\nKernel panic - not syncing: No working init found.\n',
      terminate: async (ids) => this.#end(ids),
    };
    return ec2 as Ec2;
  }

  #statuses(): Map<string, WorkerObservation> {
    const { bootMs, isBroken, hangsAtMs } = this.#options;
    const nowMs = this.clock.nowMs();
    return new Map(
      this.up
        .filter(({ launched }) => nowMs - launched >= bootMs && !isBroken())
        .map(({ id, n, launched, imagesByJob }) => {
          const silentForMs = Math.max(0, nowMs - launched - hangsAtMs(n));
          const state = this.#unfinished.length > 0 ? 'busy' : 'ready';
          const imagesDone = Object.values(imagesByJob).reduce((sum, each) => sum + each, 0);
          const status = {
            id,
            state,
            managed: true,
            startedAtMs: launched,
            boot: { readyMs: bootMs },
            imagesDone,
          };
          const counts = { ...status, imagesByJob: { ...imagesByJob }, imagesPerSecond: 0 };
          return [
            id,
            { status: counts as unknown as WorkerStatus, silentForMs, modifiedAtMs: nowMs, isNew: true },
          ];
        }),
    );
  }

  #observe(members: readonly FleetMember[]): Observation {
    const statuses = this.#statuses();
    const unfinished = this.#unfinished;
    const images = unfinished.reduce((sum, id) => sum + (this.left.get(id) ?? 0), 0);
    const messages = Math.ceil(images / MAX_BATCH);
    const inFlight = Math.min(messages, statuses.size);
    return {
      snapshot: {
        backlog: { waiting: messages - inFlight, inFlight, delayed: 0, images },
        machines: this.#watch.join(members, statuses),
        jobs: this.#options.jobs
          .filter(({ id }) => unfinished.includes(id))
          .map(({ id, images: totalImages }) => ({
            id,
            totalImages,
            doneImages: totalImages - (this.left.get(id) ?? 0),
          })),
        measured: { imagesPerSecond: this.#options.imagesPerSecond, bootMs: this.#options.bootMs },
        throughputImagesPerSecond: 0,
      },
      arrived: this.#arrived,
      members,
      statuses,
      machineObservation: (id) => this.#watch.observationOf(id),
      measured: {},
    };
  }
}

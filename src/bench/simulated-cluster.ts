/**
 * A model of what imgcls runs on, by events: a queue, machines that boot, work and may be lost, and the bill.
 * A machine works on one message at a time. What is left out: download, prefetch, the time of API calls.
 */
import { Agenda } from './event-queue.ts';
import { MessageQueue, type SimulatedBatch } from './message-queue.ts';
import type { Random } from './random.ts';
import type { Arrival } from './traces.ts';
import { Waits } from './waits.ts';

export interface WorldOptions {
  /** Of one machine. */
  imagesPerSecond: number;
  /** From launch to ready: lognormal. A sigma of 0 makes all the same. */
  bootMs: number;
  bootSigma: number;
  /** Share of launches that are refused for want of capacity. */
  refusedShare: number;
  /** How often an hour a machine is lost without notice; what it held comes back when its lease ends. */
  lossesPerHour: number;
  leaseMs: number;
  billingMinimumMs: number;
}

export interface SimulatedMachine {
  readonly id: string;
  readonly launchedAtMs: number;
  phase: 'booting' | 'idle' | 'busy' | 'draining';
  phaseSinceMs: number;
  batch: SimulatedBatch | undefined;
  hasWorked: boolean;
  hasEnded: boolean;
}

/** A time during which there was unfinished work throughout. */
export interface BusyPeriod {
  startMs: number;
  endMs: number;
  /** That arrived in it. */
  images: number;
  /** Machines launched in it, and the mean of their boots; absent where there were none. */
  launched?: number;
  bootMs?: number;
}

export class World {
  nowMs = 0;
  readonly queue = new MessageQueue();
  readonly machines = new Map<string, SimulatedMachine>();
  readonly waits = new Waits();
  readonly busyPeriods: BusyPeriod[] = [];
  unfinishedImages = 0;
  inFlight = 0;
  imagesDone = 0;
  messagesDone = 0;
  launched = 0;
  wastedBoots = 0;
  billedMs = 0;
  bootsMs = 0;
  readonly #options: WorldOptions;
  readonly #random: Random;
  readonly #agenda = new Agenda();
  /** Some may have ended or been called to work meanwhile. */
  #idle: SimulatedMachine[] = [];
  readonly #arrivals: readonly Arrival[];
  #arrived = 0;

  constructor(arrivals: readonly Arrival[], options: WorldOptions, random: Random) {
    this.#arrivals = arrivals;
    this.#options = options;
    this.#random = random;
  }

  /** Infinity when all have come. */
  get nextArrivalMs(): number {
    return this.#arrivals[this.#arrived]?.atMs ?? Number.POSITIVE_INFINITY;
  }

  get isOver(): boolean {
    return (
      this.unfinishedImages === 0 &&
      this.machines.size === 0 &&
      this.nextArrivalMs === Number.POSITIVE_INFINITY
    );
  }

  /** Lets happen what happens until then. */
  runUntil(endMs: number): void {
    for (;;) {
      const arrivalMs = this.nextArrivalMs;
      const eventMs = this.#agenda.nextAtMs;
      if (Math.min(arrivalMs, eventMs) > endMs) break;
      this.nowMs = Math.min(arrivalMs, eventMs);
      if (arrivalMs <= eventMs) this.#arrive();
      else this.#agenda.take()?.happen();
    }
    this.nowMs = endMs;
  }

  /** Undefined where there is no capacity. */
  launch(): SimulatedMachine | undefined {
    const { refusedShare, bootMs, bootSigma, lossesPerHour } = this.#options;
    if (refusedShare > 0 && this.#random.next() < refusedShare) return undefined;
    const machine: SimulatedMachine = {
      id: `m-${String(++this.launched).padStart(7, '0')}`,
      launchedAtMs: this.nowMs,
      phase: 'booting',
      phaseSinceMs: this.nowMs,
      batch: undefined,
      hasWorked: false,
      hasEnded: false,
    };
    this.machines.set(machine.id, machine);
    const takesMs = this.#random.lognormal(bootMs, bootSigma);
    this.#countBoot(takesMs);
    this.#agenda.plan(this.nowMs + takesMs, () => {
      if (!machine.hasEnded) this.#goOn(machine);
    });
    if (lossesPerHour > 0)
      this.#agenda.plan(this.nowMs + this.#random.exponential(3_600_000 / lossesPerHour), () =>
        this.#lose(machine),
      );
    return machine;
  }

  /** It finishes what it has in hand, then ends. */
  retire(id: string): void {
    const machine = this.machines.get(id);
    if (machine === undefined) return;
    if (machine.batch === undefined) this.#end(machine);
    else this.#enter(machine, 'draining');
  }

  #countBoot(takesMs: number): void {
    this.bootsMs += takesMs;
    const period = this.busyPeriods.at(-1);
    if (this.unfinishedImages === 0 || period === undefined) return;
    const { launched = 0, bootMs = 0 } = period;
    period.launched = launched + 1;
    period.bootMs = (launched * bootMs + takesMs) / (launched + 1);
  }

  #arrive(): void {
    const arrival = this.#arrivals[this.#arrived++];
    if (arrival === undefined) return;
    const { images } = arrival;
    if (this.unfinishedImages === 0)
      this.busyPeriods.push({ startMs: this.nowMs, endMs: Number.NaN, images: 0 });
    const period = this.busyPeriods.at(-1);
    if (period !== undefined) period.images += images;
    this.unfinishedImages += images;
    this.queue.add({ images, arrivedAtMs: this.nowMs });
    this.#wakeIdle();
  }

  /** Whoever waits for a message may get it. */
  #wakeIdle(): void {
    while (this.queue.messages > 0 && this.#idle.length > 0) {
      const at = this.#random.below(this.#idle.length);
      const machine = this.#idle[at];
      const last = this.#idle.pop();
      if (last !== undefined && at < this.#idle.length) this.#idle[at] = last;
      if (machine?.phase === 'idle' && !machine.hasEnded) this.#goOn(machine);
    }
  }

  #goOn(machine: SimulatedMachine): void {
    const batch = this.queue.take();
    if (batch === undefined) {
      this.#enter(machine, 'idle');
      this.#idle.push(machine);
      return;
    }
    this.#enter(machine, 'busy');
    machine.batch = batch;
    machine.hasWorked = true;
    this.inFlight++;
    const takesMs = (1000 * batch.images) / this.#options.imagesPerSecond;
    this.#agenda.plan(this.nowMs + takesMs, () => {
      if (machine.batch === batch) this.#finish(machine, batch);
    });
  }

  #finish(machine: SimulatedMachine, batch: SimulatedBatch): void {
    machine.batch = undefined;
    this.inFlight--;
    this.messagesDone++;
    this.imagesDone += batch.images;
    this.unfinishedImages -= batch.images;
    this.waits.add(this.nowMs - batch.arrivedAtMs, batch.images);
    const period = this.busyPeriods.at(-1);
    if (this.unfinishedImages === 0 && period !== undefined) period.endMs = this.nowMs;
    if (machine.phase === 'draining') this.#end(machine);
    else this.#goOn(machine);
  }

  #lose(machine: SimulatedMachine): void {
    if (machine.hasEnded) return;
    const { batch } = machine;
    machine.batch = undefined;
    this.#end(machine);
    if (batch === undefined) return;
    this.#agenda.plan(this.nowMs + this.#options.leaseMs, () => {
      this.inFlight--;
      this.queue.giveBack(batch);
      this.#wakeIdle();
    });
  }

  #end(machine: SimulatedMachine): void {
    machine.hasEnded = true;
    this.machines.delete(machine.id);
    if (!machine.hasWorked) this.wastedBoots++;
    this.billedMs += Math.max(this.#options.billingMinimumMs, this.nowMs - machine.launchedAtMs);
  }

  #enter(machine: SimulatedMachine, phase: SimulatedMachine['phase']): void {
    if (machine.phase === phase) return;
    machine.phase = phase;
    machine.phaseSinceMs = this.nowMs;
  }
}

/**
 * A discrete-event model of a cluster: a queue, machines that boot, work and may be lost, and their cost. A machine works
 * on one message at a time. Downloads, prefetching and the time of API calls are not modelled.
 */
import { EventQueue } from './event-queue.ts';
import { MessageQueue, type SimulatedBatch } from './message-queue.ts';
import type { Random } from '../random.ts';
import type { Arrival } from './traces.ts';
import { Waits } from './waits.ts';

export interface SimulatedClusterOptions {
  /** Of one machine. */
  imagesPerSecond: number;
  /** Median time from launch to ready; lognormal. With a sigma of 0 all boots are equal. */
  bootMs: number;
  bootSigma: number;
  /** Share of launches that are refused because of missing capacity. */
  refusedShare: number;
  /** Losses of a machine per hour, without notice. Its message is redelivered when the lease expires. */
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

/** A period with unfinished work throughout. */
export interface BusyPeriod {
  startMs: number;
  endMs: number;
  /** Arrived in the period. */
  images: number;
  /** Machines launched in the period and their mean boot time; absent if there were none. */
  launched?: number;
  bootMs?: number;
}

export class SimulatedCluster {
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
  readonly #options: SimulatedClusterOptions;
  readonly #random: Random;
  readonly #events = new EventQueue();
  /** May contain machines that have ended or work again. */
  #idle: SimulatedMachine[] = [];
  readonly #arrivals: readonly Arrival[];
  #arrived = 0;

  constructor(arrivals: readonly Arrival[], options: SimulatedClusterOptions, random: Random) {
    this.#arrivals = arrivals;
    this.#options = options;
    this.#random = random;
  }

  /** Infinity after the last arrival. */
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

  /** Processes all events up to this time. */
  runUntil(endMs: number): void {
    for (;;) {
      const arrivalMs = this.nextArrivalMs;
      const eventMs = this.#events.nextAtMs;
      if (Math.min(arrivalMs, eventMs) > endMs) break;
      this.nowMs = Math.min(arrivalMs, eventMs);
      if (arrivalMs <= eventMs) this.#arrive();
      else this.#events.take()?.run();
    }
    this.nowMs = endMs;
  }

  /** Undefined if there is no capacity. */
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
    const durationMs = this.#random.lognormal(bootMs, bootSigma);
    this.#countBoot(durationMs);
    this.#events.schedule(this.nowMs + durationMs, () => {
      if (!machine.hasEnded) this.#receive(machine);
    });
    if (lossesPerHour > 0)
      this.#events.schedule(this.nowMs + this.#random.exponential(3_600_000 / lossesPerHour), () =>
        this.#lose(machine),
      );
    return machine;
  }

  /** The machine finishes its batch, then ends. */
  retire(id: string): void {
    const machine = this.machines.get(id);
    if (machine === undefined) return;
    if (machine.batch === undefined) this.#end(machine);
    else this.#enter(machine, 'draining');
  }

  #countBoot(durationMs: number): void {
    this.bootsMs += durationMs;
    const period = this.busyPeriods.at(-1);
    if (this.unfinishedImages === 0 || period === undefined) return;
    const { launched = 0, bootMs = 0 } = period;
    period.launched = launched + 1;
    period.bootMs = (launched * bootMs + durationMs) / (launched + 1);
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

  /** Waiting messages go to idle machines in random order. */
  #wakeIdle(): void {
    while (this.queue.messages > 0 && this.#idle.length > 0) {
      const at = this.#random.below(this.#idle.length);
      const machine = this.#idle[at];
      const last = this.#idle.pop();
      if (last !== undefined && at < this.#idle.length) this.#idle[at] = last;
      if (machine?.phase === 'idle' && !machine.hasEnded) this.#receive(machine);
    }
  }

  #receive(machine: SimulatedMachine): void {
    const batch = this.queue.receive();
    if (batch === undefined) {
      this.#enter(machine, 'idle');
      this.#idle.push(machine);
      return;
    }
    this.#enter(machine, 'busy');
    machine.batch = batch;
    machine.hasWorked = true;
    this.inFlight++;
    const durationMs = (1000 * batch.images) / this.#options.imagesPerSecond;
    this.#events.schedule(this.nowMs + durationMs, () => {
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
    else this.#receive(machine);
  }

  #lose(machine: SimulatedMachine): void {
    if (machine.hasEnded) return;
    const { batch } = machine;
    machine.batch = undefined;
    this.#end(machine);
    if (batch === undefined) return;
    this.#events.schedule(this.nowMs + this.#options.leaseMs, () => {
      this.inFlight--;
      this.queue.redeliver(batch);
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

/**
 * A discrete-event model of a cluster: jobs, a queue, machines that boot, work, hang and may be lost, and their cost. A machine
 * works on one message at a time. Downloads, prefetching and the time of API calls are not modelled.
 */

import type { Random } from '../random.ts';
import { EventQueue } from './event-queue.ts';
import { jobOf, type SimulatedJob } from './jobs.ts';
import { MessageQueue, type SimulatedBatch } from './message-queue.ts';
import { SimulatedMachine } from './simulated-machine.ts';
import { Tally } from './tally.ts';
import type { Arrival } from './traces.ts';
import type { World } from './worlds.ts';

const HOUR_MS = 3_600_000;
/** A submission announces its images in so many parts. */
const SUBMIT_PARTS = 10;

export interface ClusterOptions extends World {
  /** Of one machine, for images of the usual cost. */
  imagesPerSecond: number;
}

export class SimulatedCluster {
  nowMs = 0;
  readonly queue = new MessageQueue();
  readonly machines = new Map<string, SimulatedMachine>();
  /** Machines that were lost or ended, the latest last. */
  readonly ended: { machine: SimulatedMachine; atMs: number }[] = [];
  /** Unfinished ones. */
  readonly jobs = new Map<string, SimulatedJob>();
  readonly tally: Tally;
  inFlight = 0;
  readonly options: ClusterOptions;
  readonly #random: Random;
  readonly #events = new EventQueue();
  /** May contain machines that have ended or work again. */
  #idle: SimulatedMachine[] = [];
  readonly #arrivals: readonly Arrival[];
  #arrived = 0;

  constructor(arrivals: readonly Arrival[], options: ClusterOptions, random: Random) {
    this.#arrivals = arrivals;
    this.options = options;
    this.#random = random;
    this.tally = new Tally(options.billingMinimumMs);
  }

  /** Infinity after the last arrival. */
  get nextArrivalMs(): number {
    return this.#arrivals[this.#arrived]?.atMs ?? Number.POSITIVE_INFINITY;
  }

  get isEmpty(): boolean {
    return this.jobs.size === 0 && this.machines.size === 0;
  }

  get isOver(): boolean {
    return this.isEmpty && this.nextArrivalMs === Number.POSITIVE_INFINITY;
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
    const { refusedShare, lossesPerHour, hangsPerHour } = this.options;
    if (this.#happens(refusedShare)) return undefined;
    const speed = this.#happens(this.options.slowMachineShare) ? this.options.slowMachineSpeed : 1;
    const bootMs = this.#bootMs();
    const id = `m-${String(this.tally.launched + 1).padStart(7, '0')}`;
    const machine = new SimulatedMachine(id, this.nowMs, speed);
    this.machines.set(id, machine);
    this.tally.launch(bootMs);
    if (bootMs !== undefined)
      this.#after(bootMs, machine, () => {
        machine.readyAtMs = this.nowMs;
        this.#receive(machine);
      });
    this.#sometime(lossesPerHour, machine, () => this.lose(id));
    this.#sometime(hangsPerHour, machine, () => {
      machine.isHung = true;
    });
    return machine;
  }

  /** The machine finishes its batch, then ends. */
  retire(id: string): void {
    const machine = this.machines.get(id);
    if (machine === undefined) return;
    if (machine.batch === undefined) this.#end(machine);
    else machine.enter('draining', this.nowMs);
  }

  /** The machine ends at once. Its message is redelivered when the lease expires. */
  lose(id: string): void {
    const machine = this.machines.get(id);
    if (machine === undefined) return;
    const { batch } = machine;
    machine.batch = undefined;
    this.#end(machine);
    if (batch === undefined) return;
    this.#events.schedule(this.nowMs + this.options.leaseMs, () => {
      this.inFlight--;
      this.queue.redeliver(batch);
      this.#wakeIdle();
    });
  }

  /** Draws nothing if it never happens, so that a kind world does not depend on it. */
  #happens(share: number): boolean {
    return share > 0 && this.#random.next() < share;
  }

  /** Undefined if the machine never becomes ready. */
  #bootMs(): number | undefined {
    const { bootMs, bootSigma, slowBootShare, slowBootFactor, deadBootShare } = this.options;
    const factor = this.#happens(slowBootShare) ? slowBootFactor : 1;
    const isDead = this.#happens(deadBootShare);
    const durationMs = factor * this.#random.lognormal(bootMs, bootSigma);
    return isDead ? undefined : durationMs;
  }

  #after(ms: number, machine: SimulatedMachine, run: () => void): void {
    this.#events.schedule(this.nowMs + ms, () => {
      if (this.machines.has(machine.id)) run();
    });
  }

  #sometime(perHour: number, machine: SimulatedMachine, run: () => void): void {
    if (perHour > 0) this.#after(this.#random.exponential(HOUR_MS / perHour), machine, run);
  }

  #arrive(): void {
    const arrival = this.#arrivals[this.#arrived++];
    if (arrival === undefined) return;
    const submitMs = (arrival.images / 1000) * this.options.submitMsPerThousand;
    const job = jobOf(arrival, this.#arrived, { arrivedAtMs: this.nowMs, sealedAtMs: this.nowMs + submitMs });
    this.jobs.set(job.id, job);
    this.tally.arrive(job, this.nowMs);
    if (submitMs === 0) this.#announce(job, job.images, 0);
    else this.#announceParts(job, submitMs);
  }

  #announceParts(job: SimulatedJob, submitMs: number): void {
    let announced = 0;
    for (let part = 1; part <= SUBMIT_PARTS; part++) {
      const first = announced;
      const images = Math.floor((job.images * part) / SUBMIT_PARTS) - first;
      announced += images;
      const atMs = this.nowMs + (submitMs * part) / SUBMIT_PARTS;
      if (images > 0) this.#events.schedule(atMs, () => this.#announce(job, images, first));
    }
  }

  #announce(job: SimulatedJob, images: number, first: number): void {
    this.queue.add(job, images, first);
    this.#wakeIdle();
  }

  /** Waiting messages go to idle machines in random order. */
  #wakeIdle(): void {
    while (this.queue.messages > 0 && this.#idle.length > 0) {
      const at = this.#random.below(this.#idle.length);
      const machine = this.#idle[at];
      const last = this.#idle.pop();
      if (last !== undefined && at < this.#idle.length) this.#idle[at] = last;
      if (machine?.phase === 'idle' && this.machines.has(machine.id)) this.#receive(machine);
    }
  }

  #receive(machine: SimulatedMachine): void {
    if (machine.isHung) return;
    const batch = this.queue.receive();
    if (batch === undefined) {
      machine.enter('idle', this.nowMs);
      this.#idle.push(machine);
      return;
    }
    machine.enter('busy', this.nowMs);
    machine.batch = batch;
    this.inFlight++;
    const rate = (this.options.imagesPerSecond * machine.speed) / batch.job.costFactor;
    this.#after((1000 * batch.images) / rate, machine, () => this.#finish(machine, batch));
  }

  #finish(machine: SimulatedMachine, batch: SimulatedBatch): void {
    if (machine.isHung || machine.batch !== batch) return;
    const { job, images } = batch;
    machine.batch = undefined;
    machine.count(batch);
    this.inFlight--;
    job.imagesDone += images;
    if (job.imagesDone === job.images) this.jobs.delete(job.id);
    this.tally.finish(batch, this.nowMs);
    if (machine.phase === 'draining') this.#end(machine);
    else this.#receive(machine);
  }

  #end(machine: SimulatedMachine): void {
    this.machines.delete(machine.id);
    this.ended.push({ machine, atMs: this.nowMs });
    this.tally.end(machine, this.nowMs);
  }
}

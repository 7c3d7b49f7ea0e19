/** What a simulated run has done and cost. */
import type { SimulatedJob } from './jobs.ts';
import type { SimulatedBatch } from './message-queue.ts';
import type { SimulatedMachine } from './simulated-machine.ts';
import { Waits } from './waits.ts';

/** A period with unfinished work throughout. */
export interface BusyPeriod {
  startMs: number;
  endMs: number;
  /** Arrived in the period, in images of the usual cost. */
  images: number;
  /** Machines launched in the period and their mean boot time; absent if there were none. */
  launched?: number;
  bootMs?: number;
}

export class Tally {
  readonly waits = new Waits();
  readonly busyPeriods: BusyPeriod[] = [];
  /** From the arrival of each finished job to its last outcome. */
  readonly jobMs: number[] = [];
  imagesDone = 0;
  launched = 0;
  wastedBoots = 0;
  billedMs = 0;
  /** Of machines that became ready. */
  bootsMs = 0;
  boots = 0;
  #unfinished = 0;
  readonly #billingMinimumMs: number;

  constructor(billingMinimumMs: number) {
    this.#billingMinimumMs = billingMinimumMs;
  }

  arrive({ images, costFactor }: SimulatedJob, nowMs: number): void {
    if (this.#unfinished === 0) this.busyPeriods.push({ startMs: nowMs, endMs: Number.NaN, images: 0 });
    const period = this.busyPeriods.at(-1);
    if (period !== undefined) period.images += images * costFactor;
    this.#unfinished++;
  }

  finish({ job, images }: SimulatedBatch, nowMs: number): void {
    this.imagesDone += images;
    this.waits.add(nowMs - job.arrivedAtMs, images);
    if (job.imagesDone < job.images) return;
    this.#unfinished--;
    this.jobMs.push(nowMs - job.arrivedAtMs);
    const period = this.busyPeriods.at(-1);
    if (this.#unfinished === 0 && period !== undefined) period.endMs = nowMs;
  }

  /** @param bootMs undefined if the machine never becomes ready. */
  launch(bootMs: number | undefined): void {
    this.launched++;
    if (bootMs === undefined) return;
    this.boots++;
    this.bootsMs += bootMs;
    const period = this.busyPeriods.at(-1);
    if (this.#unfinished === 0 || period === undefined) return;
    const { launched = 0, bootMs: meanMs = 0 } = period;
    period.launched = launched + 1;
    period.bootMs = (launched * meanMs + bootMs) / (launched + 1);
  }

  end(machine: SimulatedMachine, nowMs: number): void {
    if (machine.imagesDone === 0) this.wastedBoots++;
    this.billedMs += Math.max(this.#billingMinimumMs, nowMs - machine.launchedAtMs);
  }
}

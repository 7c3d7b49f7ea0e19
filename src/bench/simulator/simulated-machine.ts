import type { SimulatedBatch } from './message-queue.ts';

/** A worker reports its newest jobs only. */
const COUNTED_JOBS = 16;

export class SimulatedMachine {
  readonly id: string;
  readonly launchedAtMs: number;
  /** As a share of the usual speed. */
  readonly speed: number;
  readyAtMs: number | undefined;
  phase: 'booting' | 'idle' | 'busy' | 'draining' = 'booting';
  batch: SimulatedBatch | undefined;
  /** It keeps its message, does nothing and reports nothing. */
  isHung = false;
  imagesDone = 0;
  messagesDone = 0;
  readonly imagesByJob = new Map<string, number>();
  #busyMs = 0;
  #busySinceMs: number | undefined;

  constructor(id: string, launchedAtMs: number, speed: number) {
    this.id = id;
    this.launchedAtMs = launchedAtMs;
    this.speed = speed;
  }

  enter(phase: SimulatedMachine['phase'], nowMs: number): void {
    this.#busyMs = this.busyMs(nowMs);
    this.#busySinceMs = phase === 'busy' || phase === 'draining' ? nowMs : undefined;
    this.phase = phase;
  }

  /** Since its launch. */
  busyMs(nowMs: number): number {
    return this.#busyMs + (this.#busySinceMs === undefined ? 0 : nowMs - this.#busySinceMs);
  }

  count({ job, images }: SimulatedBatch): void {
    this.imagesDone += images;
    this.messagesDone++;
    const before = this.imagesByJob.get(job.id) ?? 0;
    this.imagesByJob.delete(job.id);
    this.imagesByJob.set(job.id, before + images);
    const [oldest] = this.imagesByJob.keys();
    if (this.imagesByJob.size > COUNTED_JOBS && oldest !== undefined) this.imagesByJob.delete(oldest);
  }
}

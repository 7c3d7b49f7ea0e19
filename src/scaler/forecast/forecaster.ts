import type { Clock } from '../../core/runtime/clock.ts';
import type { Log } from '../../core/runtime/log.ts';
import { recollect } from '../recollect.ts';
import type { Arrived } from '../snapshot.ts';
import { withArrived } from './arrival-log.ts';
import type { LoggedArrival } from './arrivals.ts';
import { type BootFacts, type Expectation, nextExpectation } from './expectation.ts';

export interface ForecasterOptions {
  /** The log that controllers share. */
  read(): Promise<readonly LoggedArrival[] | undefined>;
  write(arrivals: readonly LoggedArrival[]): Promise<void>;
  clock: Pick<Clock, 'nowMs' | 'monotonicMs'>;
  log: Log;
}

/** What was expected is considered again after this time, since work that does not come is news as well. */
const CONSIDER_EVERY_MS = 60_000;
/** Work that has arrived may be missing in the counts of a queue for so long. Its machines wait until it is there. */
const HOLD_MS = 15_000;
/** A write to S3 costs money, and jobs may arrive at any rate. */
const WRITE_EVERY_MS = 60_000;

/** Remembers when work arrived, also for later controllers, and says when it will come again. */
export class Forecaster {
  readonly #options: ForecasterOptions;
  #epoch: number | undefined;
  #arrivals: readonly LoggedArrival[] = [];
  #isFirstLook = true;
  #expectation: Expectation | undefined;
  #consideredAtMs = Number.NEGATIVE_INFINITY;
  /** What has just come as it was expected. */
  #held: { expectation: Expectation; untilMs: number } | undefined;
  #written: readonly LoggedArrival[] = [];
  #writtenAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: ForecasterOptions) {
    this.#options = options;
  }

  /** Continues the log of the last controller, once in each epoch. */
  async begin(epoch: number): Promise<void> {
    if (epoch === this.#epoch) return;
    const { read, log } = this.#options;
    const loss = 'The log of arrivals cannot be read; the forecast starts anew.';
    this.#arrivals = (await recollect(read, log, { loss })) ?? [];
    this.#epoch = epoch;
    this.#written = this.#arrivals;
    this.#isFirstLook = true;
    this.#consideredAtMs = Number.NEGATIVE_INFINITY;
  }

  /** Takes what has arrived since the last look, and considers what will. */
  observe(arrived: Arrived, facts: BootFacts): void {
    const nowMs = this.#nowMs;
    const arrivals = withArrived(this.#arrivals, arrived, { nowMs, isFirst: this.#isFirstLook });
    this.#isFirstLook = false;
    const isOver = this.expectation !== undefined && nowMs >= this.expectation.untilMs;
    const isOld = Math.abs(nowMs - this.#consideredAtMs) >= CONSIDER_EVERY_MS;
    if (arrivals === this.#arrivals && !isOver && !isOld) return;
    const { due } = this;
    if (arrivals !== this.#arrivals && due !== undefined)
      this.#held = { expectation: due, untilMs: nowMs + HOLD_MS };
    this.#arrivals = arrivals;
    this.#expectation = nextExpectation(arrivals, nowMs, facts);
    this.#consideredAtMs = nowMs;
  }

  /** The next work that is worth machines ahead; undefined if there is none within a day. */
  get expectation(): Expectation | undefined {
    return this.#expectation;
  }

  /** The same once it is time to launch them, until its work is in the queue. */
  get due(): Expectation | undefined {
    const nowMs = this.#nowMs;
    const expected = this.#expectation;
    if (expected !== undefined && nowMs >= expected.launchAtMs) return expected;
    return this.#held !== undefined && nowMs < this.#held.untilMs ? this.#held.expectation : undefined;
  }

  /** Expected work, as input of a scaling decision. */
  get outlook(): { expected: Expectation | undefined; nextWorkInMs: number | undefined } {
    const next = this.#expectation;
    return { expected: this.due, nextWorkInMs: next && next.atMs - this.#nowMs };
  }

  get #nowMs(): number {
    return this.#options.clock.nowMs();
  }

  /** @throws {ImgclsError} if the write fails; the next call writes it again. */
  async write(): Promise<void> {
    const { write, clock } = this.#options;
    const nowMs = clock.monotonicMs();
    if (this.#written === this.#arrivals || nowMs - this.#writtenAtMs < WRITE_EVERY_MS) return;
    const arrivals = this.#arrivals;
    await write(arrivals);
    this.#written = arrivals;
    this.#writtenAtMs = nowMs;
  }
}

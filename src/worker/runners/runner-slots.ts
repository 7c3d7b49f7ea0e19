import { type ModelLocation, RUNNER_BATCH } from '../../core/model/runner-protocol.ts';
import { backoffMs } from '../../core/runtime/backoff.ts';
import type { Clock } from '../../core/runtime/clock.ts';
import { messageOf } from '../../core/runtime/errors.ts';
import type { Log } from '../../core/runtime/log.ts';
import type { Meter } from '../../core/runtime/metrics.ts';
import { Runner, RunnerDied, type RunnerLimits } from './runner.ts';

export interface RunnerSlotsOptions {
  runners: number;
  /** The script that speaks core/runner-protocol. */
  entry: URL;
  args: readonly string[];
  limits: RunnerLimits;
  niceness: number;
  clock: Clock;
  /** 0 (inclusive) to 1 (exclusive). */
  random: () => number;
  log: Log;
  meter: Meter;
  /** Told when a runner has loaded its runtime, and when each that runs has a model in memory. */
  onMilestone?(milestone: 'runtimeLoadedMs' | 'modelReadyMs'): void;
}

/** A place for a runner. */
export interface Slot {
  runner: Runner | undefined;
  starting: boolean;
  /** Its runner holds a suspect, and nothing else may join it. */
  alone: boolean;
}

/** A further runner is started for every so many images. */
const IMAGES_PER_START = RUNNER_BATCH / 2;

/** Runners that end one after the other without ever being ready: then it is the worker that is broken. */
const MAX_FAILED_STARTS = 5;

/** The runners of a worker: started when they are needed, again (with growing pauses) when they do not start. */
export class RunnerSlots {
  readonly all: readonly Slot[];
  readonly #options: RunnerSlotsOptions;
  readonly #closing = new AbortController();
  readonly #onChange: () => void;
  readonly #onBroken: (why: string) => void;
  #failedStarts = 0;
  /** What a runner that starts loads first. */
  preload: ModelLocation | undefined;

  /**
   * @param onChange a runner has become ready or has ended.
   * @param onBroken runners do not start, time after time.
   */
  constructor(options: RunnerSlotsOptions, onChange: () => void, onBroken: (why: string) => void) {
    this.#options = options;
    this.#onChange = onChange;
    this.#onBroken = onBroken;
    this.all = Array.from({ length: options.runners }, () => ({
      runner: undefined,
      starting: false,
      alone: false,
    }));
  }

  get closed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** Those whose runner is not ready yet. */
  get starting(): number {
    return this.all.filter(({ starting }) => starting).length;
  }

  get live(): Runner[] {
    return this.all.flatMap(({ runner }) => runner ?? []);
  }

  /** Sees to it that so many waiting images find runners, as far as there are slots. */
  startFor(images: number): void {
    const wanted = Math.ceil(images / IMAGES_PER_START);
    let coming = this.all.filter(({ runner, starting }) => starting || runner?.held === 0).length;
    for (const slot of this.all) {
      if (coming >= wanted || this.closed) return;
      if (slot.starting || slot.runner !== undefined) continue;
      coming++;
      void this.#start(slot);
    }
  }

  /** Ends all of them; none is started any more. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.live.map((runner) => runner.end()));
  }

  async #start(slot: Slot): Promise<void> {
    const { clock, random, log, meter, entry, args, limits, niceness, onMilestone } = this.#options;
    slot.starting = true;
    if (this.#failedStarts > 0) {
      await clock.sleep(backoffMs(this.#failedStarts - 1, random()), this.#closing.signal);
    }
    if (this.closed) return;
    const onModel = () => {
      if (this.live.every(({ models }) => models.length > 0)) onMilestone?.('modelReadyMs');
    };
    const runner = new Runner({ entry, args, clock, limits, niceness, onModel });
    slot.runner = runner;
    if (this.preload !== undefined) runner.preload(this.preload);
    let wasReady = false;
    void runner.ended.then(({ died, held }) => {
      if (!this.closed) meter.record('RunnerRestarts', 1);
      // Of one that held images, its pool tells.
      if (!this.closed && wasReady && held === 0)
        log.warn({ how: died.message, lastWords: died.lastWords }, 'A model runner ended without work.');
      slot.runner = undefined;
      this.#onChange();
    });
    try {
      await runner.ready;
      wasReady = true;
      onMilestone?.('runtimeLoadedMs');
      this.#failedStarts = 0;
    } catch (error) {
      if (this.closed) return;
      const how = messageOf(error);
      const lastWords = error instanceof RunnerDied ? error.lastWords : '';
      log.warn({ how, lastWords }, 'A model runner did not start.');
      if (++this.#failedStarts >= MAX_FAILED_STARTS) {
        this.#onBroken(`Model runners do not start (${how}): ${lastWords || 'without a word'}`);
      }
    }
    slot.starting = false;
    this.#onChange();
  }
}

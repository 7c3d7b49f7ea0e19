import { CONTROL_IMAGE } from '../../core/model/control-image.ts';
import type { ErrorCode, ImageResult } from '../../core/model/outcome.ts';
import { type ClassifyTimes, type ModelLocation, RUNNER_BATCH } from '../../core/model/runner-protocol.ts';
import { onAbort } from '../../core/runtime/abort.ts';
import { ImgclsError } from '../../core/runtime/errors.ts';
import type { Log } from '../../core/runtime/log.ts';
import type { Meter } from '../../core/runtime/metrics.ts';
import { attributeCrash, CLEAN, type CrashRecord } from './crash-attribution.ts';
import { ChunkQueue, type Work } from './image-queue.ts';
import { type Runner, RunnerDied } from './runner.ts';
import { RunnerSlots, type RunnerSlotsOptions, type Slot } from './runner-slots.ts';

/** Requests in a runner: the next one is decoded while the one before is in the model. */
const REQUESTS_PER_RUNNER = 2;

interface Task extends Work {
  onBegin(): void;
  record: CrashRecord;
  resolve(result: ImageResult): void;
  reject(error: unknown): void;
  convict(verdict: ErrorCode, how: string): void;
}

/**
 * Spreads images over model runners, which are started when they are first needed and again after a crash.
 *
 * An image is queued, then in a runner, then answered. When a runner ends early, all images that it held become
 * suspects; a suspect goes alone into an empty runner and is answered, or convicted (see suspects.ts). While there are
 * suspects and none is under way, no runner gets more of the queue, so that one is soon empty.
 */
export class RunnerPool {
  readonly #log: Log;
  readonly #meter: Meter;
  readonly #slots: RunnerSlots;
  readonly #queue = new ChunkQueue<Task>();
  readonly #suspects: Task[] = [];
  /** sha256 of models with which an image was answered: a death with these is the image's doing. */
  readonly #proven = new Set<string>();
  #broken: ImgclsError | undefined;
  #pumping = false;

  constructor(options: RunnerSlotsOptions) {
    this.#log = options.log;
    this.#meter = options.meter;
    this.#slots = new RunnerSlots(
      options,
      () => this.#pump(),
      (why) => this.#break(why),
    );
  }

  get pids(): number[] {
    return this.#slots.live.flatMap(({ pid }) => pid ?? []);
  }

  /** Resident memory of all runners, as they last said. */
  get rssBytes(): number {
    return this.#slots.live.reduce((sum, { rssBytes }) => sum + rssBytes, 0);
  }

  /** sha256 of the models in memory. */
  get models(): string[] {
    return [...new Set(this.#slots.live.flatMap(({ models }) => models))];
  }

  /** Starts all runners and has them load the model, so that both are there when images come. */
  warmUp(model: ModelLocation): void {
    this.#slots.preload = model;
    for (const runner of this.#slots.live) runner.preload(model);
    this.expect(Number.POSITIVE_INFINITY);
  }

  /** Starts runners for so many images that are on their way. */
  expect(images: number): void {
    if (this.#broken === undefined) this.#slots.startFor(images);
  }

  /**
   * Answers what became of the image; no image makes it throw.
   * @param options.signal rejects with its reason while the image is in no runner.
   * @param options.onBegin called when the image goes into a runner.
   * @throws {ImgclsError} of kind `permanent` when no runner can be started.
   */
  async classify(work: Work, options: { signal: AbortSignal; onBegin(): void }): Promise<ImageResult> {
    const { signal, onBegin } = options;
    signal.throwIfAborted();
    if (this.#broken !== undefined) throw this.#broken;
    const { promise, resolve, reject } = Promise.withResolvers<ImageResult>();
    const convict = (code: ErrorCode, how: string) =>
      resolve({ error: { code, message: accusation(code, how) } });
    const task: Task = { ...work, onBegin, record: CLEAN, resolve, reject, convict };
    this.#queue.add(task);
    const forget = onAbort(signal, () => {
      const place = this.#suspects.indexOf(task);
      if (place >= 0) this.#suspects.splice(place, 1);
      if (place >= 0 || this.#queue.remove(task)) reject(signal.reason);
    });
    this.#pump();
    return await promise.finally(forget);
  }

  /** Ends all runners; images that are not answered are rejected. */
  async close(): Promise<void> {
    this.#break('The runners are closed.');
    await this.#slots.close();
  }

  /** As `close`, without letting runners finish. */
  async kill(): Promise<void> {
    for (const runner of this.#slots.live) runner.kill();
    await this.close();
  }

  /** Once for all images that come in the same turn of the event loop: they go to the runners together. */
  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    setImmediate(() => {
      this.#pumping = false;
      this.#spread();
    });
  }

  #spread(): void {
    if (this.#broken !== undefined) return;
    this.#slots.startFor(this.#queue.size + this.#suspects.length);
    const ready = this.#slots.all
      .filter(({ runner }) => runner?.canTake)
      .sort((a, b) => (a.runner?.held ?? 0) - (b.runner?.held ?? 0));
    // Those that still start are left their share: what one runner has taken the other cannot do beside it.
    const { starting } = this.#slots;
    const empty = ready.filter(({ runner }) => runner?.held === 0);
    const share = evenShare(this.#queue.size, empty.length + starting);
    for (const slot of empty) this.#feed(slot, share);
    // The second request of each, once every runner has its first.
    const rest = this.#queue.size - starting * share;
    if (rest <= 0 && this.#suspects.length === 0) return;
    for (const slot of ready) this.#feed(slot, evenShare(rest, ready.length));
  }

  #feed(slot: Slot, max: number): void {
    const { runner } = slot;
    if (runner === undefined || slot.alone || runner.held >= REQUESTS_PER_RUNNER) return;
    if (this.#suspects.length > 0 && !this.#slots.all.some(({ alone }) => alone)) {
      if (runner.held > 0) return;
      slot.alone = true;
      void this.#run(slot, runner, this.#suspects.splice(0, 1));
      return;
    }
    const tasks = this.#queue.take(max);
    if (tasks.length > 0) void this.#run(slot, runner, tasks);
  }

  async #run(slot: Slot, runner: Runner, tasks: Task[]): Promise<void> {
    const [first] = tasks;
    if (first === undefined) return;
    for (const task of tasks) task.onBegin();
    const { model, topK } = first;
    this.#slots.preload = model;
    try {
      const answer = await runner.classify({ model, topK, images: tasks.map(({ image }) => image) });
      slot.alone = false;
      if (answer.type === 'results') {
        this.#proven.add(model.sha256);
        this.#record(answer.times, first);
      }
      for (const [place, task] of tasks.entries()) {
        if (answer.type === 'failed') task.resolve(unavailable(answer.message));
        else task.resolve(answer.results[place] ?? unavailable('The runner gave no answer for the image.'));
      }
    } catch (error) {
      this.#suspect(slot, first, tasks, error);
    }
    this.#pump();
  }

  #record(times: ClassifyTimes | undefined, { batch }: Task): void {
    if (times === undefined) return;
    this.#meter.record('DecodeMs', times.decodeMs, batch?.modelTitle);
    this.#meter.record('InferenceMs', times.inferenceMs, batch?.modelTitle);
  }

  #suspect(slot: Slot, first: Task, tasks: Task[], error: unknown): void {
    const wasAlone = slot.alone;
    slot.alone = false;
    if (this.#broken !== undefined || !(error instanceof RunnerDied)) {
      for (const task of tasks) task.reject(this.#broken ?? error);
      return;
    }
    const { by, message: how, lastWords } = error;
    // One line for each batch, so that whoever follows a job meets it.
    for (const batch of new Set(tasks.map(({ batch }) => batch)))
      this.#log.warn(
        { ...batch?.about, by, how, lastWords, images: tasks.length },
        'A model runner ended early.',
      );
    if (!wasAlone) {
      this.#suspects.push(...tasks);
      return;
    }
    const { record, verdict } = attributeCrash(first.record, by);
    first.record = record;
    // First in line, so that the next try is the first one of a new process.
    if (verdict === undefined) this.#suspects.unshift(first);
    else if (first.image === CONTROL_IMAGE || this.#proven.has(first.model.sha256))
      first.convict(verdict, how);
    else this.#suspects.unshift(this.#control(first, () => first.convict(verdict, how)));
  }

  /** Where nothing was ever answered, it may be the model or the machine that kills; a known image tells. */
  #control(suspect: Task, convict: () => void): Task {
    return {
      ...suspect,
      image: CONTROL_IMAGE,
      record: CLEAN,
      onBegin: () => {},
      resolve: convict,
      convict: (_, how) => {
        this.#break(`Model runners end early whatever they are given (${how}).`);
        suspect.reject(this.#broken);
      },
    };
  }

  /** Everything that is not in a runner is rejected, and all that comes. */
  #break(message: string): void {
    this.#broken ??= new ImgclsError('permanent', message);
    for (const task of [...this.#queue.takeAll(), ...this.#suspects.splice(0)]) task.reject(this.#broken);
  }
}

const evenShare = (images: number, runners: number) =>
  Math.min(RUNNER_BATCH, Math.ceil(images / Math.max(1, runners)));

const unavailable = (message: string): ImageResult => ({ error: { code: 'model_unavailable', message } });

function accusation(code: ErrorCode, how: string): string {
  return code === 'deadline'
    ? 'Classifying the image did not end in time, twice.'
    : `Classifying the image ended its process twice (${how}).`;
}

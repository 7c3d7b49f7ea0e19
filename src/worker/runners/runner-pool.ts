import { CONTROL_IMAGE } from '../../core/model/control-image.ts';
import { type ErrorCode, type ImageResult, isError } from '../../core/model/outcome.ts';
import { type ClassifyTimes, type ModelLocation, RUNNER_BATCH } from '../../core/model/runner-protocol.ts';
import { onAbort } from '../../core/runtime/abort.ts';
import { ImgclsError } from '../../core/runtime/errors.ts';
import type { Log } from '../../core/runtime/log.ts';
import { MachineFaultError } from '../../core/runtime/machine-fault.ts';
import type { Meter } from '../../core/runtime/metrics.ts';
import { attributeCrash, CLEAN, type CrashRecord } from './crash-attribution.ts';
import { ImageQueue, type Work } from './image-queue.ts';
import { type RequestReply, type Runner, RunnerDied } from './runner.ts';
import { RunnerSlots, type RunnerSlotsOptions, type Slot } from './runner-slots.ts';

/** A runner that has an image whose caller has left, and sends no reply for so long, is killed. */
const ABANDONED_MS = 5000;

export interface RequestSizes {
  /** The most requests in a runner at a time. */
  requestsPerRunner: number;
  /** The most images in a request: they have one time limit, and their results come together. */
  imagesPerRequest: number;
}

/** The most images a second. The runner decodes one request while the model works on another. */
export const FULL_REQUESTS: RequestSizes = { requestsPerRunner: 2, imagesPerRequest: RUNNER_BATCH };

export interface RunnerPoolOptions extends RunnerSlotsOptions, RequestSizes {}

export interface ClassifyOptions {
  /** While the image is in no runner, its abort rejects with its reason. */
  signal: AbortSignal;
  /**
   * `signal` aborts with it. Its abort also rejects while the image is in a runner, and ends that runner if it hangs. A
   * runner that makes progress goes on: it may have images of others.
   */
  deadline?: AbortSignal | undefined;
  /** Called when the image goes into a runner. */
  onBegin(): void;
}

interface Task extends Work {
  onBegin(): void;
  signal: AbortSignal;
  /** The one that has it. */
  runner?: Runner | undefined;
  record: CrashRecord;
  resolve(result: ImageResult): void;
  reject(error: unknown): void;
  /** Resolves it with an error, because it ended its runners. */
  blame(code: ErrorCode, exit: string): void;
}

/**
 * Spreads images over model runners. Starts the runners when they are first needed, and again after a crash.
 *
 * An image is queued, then in a runner, then done. When a runner ends unexpectedly, all images that it held become
 * suspects. A suspect runs alone in an empty runner, and gets its result or the blame (see crash-attribution.ts). While
 * suspects wait and none is running, no runner gets images from the queue: one of them is soon empty.
 */
export class RunnerPool {
  readonly #options: RunnerPoolOptions;
  readonly #log: Log;
  readonly #meter: Meter;
  readonly #slots: RunnerSlots;
  readonly #queue = new ImageQueue<Task>();
  readonly #suspects: Task[] = [];
  /** sha256 of models that have classified an image. If a runner ends with one of these, the image is to blame. */
  readonly #provenModels = new Set<string>();
  #broken: ImgclsError | undefined;
  #isScheduled = false;

  constructor(options: RunnerPoolOptions) {
    this.#options = options;
    this.#log = options.log;
    this.#meter = options.meter;
    this.#slots = new RunnerSlots(
      options,
      () => this.#scheduleDispatch(),
      (reason) => this.#break(runnersFail(reason)),
    );
  }

  get pids(): number[] {
    return this.#slots.live.flatMap(({ pid }) => pid ?? []);
  }

  /** Resident memory of all runners, as they last reported it. */
  get rssBytes(): number {
    return this.#slots.live.reduce((sum, { rssBytes }) => sum + rssBytes, 0);
  }

  /** sha256 of the loaded models. */
  get models(): string[] {
    return [...new Set(this.#slots.live.flatMap(({ models }) => models))];
  }

  /** Starts all runners and loads the model into them, before images arrive. */
  warmUp(model: ModelLocation): void {
    this.#slots.preload = model;
    for (const runner of this.#slots.live) runner.preload(model);
    this.expect(Number.POSITIVE_INFINITY);
  }

  /** Starts runners for images that will arrive soon. */
  expect(images: number): void {
    if (this.#broken === undefined) this.#slots.startFor(images);
  }

  /**
   * Resolves with the image's labels or its error.
   * @throws {MachineFaultError} if no runner can be started, or if the model or the image does not work here.
   */
  async classify(work: Work, { signal, deadline, onBegin }: ClassifyOptions): Promise<ImageResult> {
    signal.throwIfAborted();
    if (this.#broken !== undefined) throw this.#broken;
    const { promise, resolve, reject } = Promise.withResolvers<ImageResult>();
    const blame = (code: ErrorCode, exit: string) =>
      resolve({ error: { code, message: crashMessage(code, exit) } });
    const task: Task = { ...work, onBegin, signal, record: CLEAN, resolve, reject, blame };
    this.#queue.add(task);
    const forget = onAbort(signal, () => {
      const at = this.#suspects.indexOf(task);
      if (at >= 0) this.#suspects.splice(at, 1);
      if (at >= 0 || this.#queue.remove(task)) reject(signal.reason);
    });
    const forgetDeadline =
      deadline &&
      onAbort(deadline, () => {
        task.runner?.expectReplyWithin(ABANDONED_MS);
        reject(deadline.reason);
      });
    this.#scheduleDispatch();
    return await promise.finally(() => {
      forget();
      forgetDeadline?.();
    });
  }

  /** Ends all runners. Images without a result are rejected. */
  async close(): Promise<void> {
    this.#break(new ImgclsError('permanent', 'The model runners are closed.'));
    await this.#slots.close();
  }

  /** Like `close`, without waiting for requests in progress. */
  async kill(): Promise<void> {
    for (const runner of this.#slots.live) runner.kill();
    await this.close();
  }

  /** Dispatches once for all images that arrive in the same turn of the event loop, to put them into common requests. */
  #scheduleDispatch(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#dispatch();
    });
  }

  #dispatch(): void {
    if (this.#broken !== undefined) return;
    this.#slots.startFor(this.#queue.size + this.#suspects.length);
    const ready = this.#slots.all
      .filter(({ runner }) => runner?.acceptsRequests)
      .sort((a, b) => (a.runner?.pending ?? 0) - (b.runner?.pending ?? 0));
    // An equal part for each request, also for those of runners that are still starting: no runner can take over what
    // another one has. At the end of a job the requests are smaller and smaller, so that all runners end at the same time.
    const { requestsPerRunner } = this.#options;
    const share = Math.ceil(this.#queue.size / (requestsPerRunner * (ready.length + this.#slots.starting)));
    for (let requests = 0; requests < requestsPerRunner; requests++)
      for (const slot of ready) this.#assign(slot, share);
  }

  #assign(slot: Slot, max: number): void {
    const { runner } = slot;
    const { requestsPerRunner, imagesPerRequest } = this.#options;
    if (runner === undefined || slot.alone || runner.pending >= requestsPerRunner) return;
    if (this.#suspects.length > 0 && !this.#slots.all.some(({ alone }) => alone)) {
      if (runner.pending > 0) return;
      slot.alone = true;
      void this.#run(slot, runner, this.#suspects.splice(0, 1));
      return;
    }
    const tasks = this.#queue.take(Math.min(max, imagesPerRequest));
    if (tasks.length > 0) void this.#run(slot, runner, tasks);
  }

  async #run(slot: Slot, runner: Runner, tasks: Task[]): Promise<void> {
    const [first] = tasks;
    if (first === undefined) return;
    for (const task of tasks) {
      task.runner = runner;
      task.onBegin();
    }
    const { model, topK } = first;
    this.#slots.preload = model;
    try {
      const reply = await runner.classify({ model, topK, images: tasks.map(({ image }) => image) });
      slot.alone = false;
      if (reply.type === 'results') {
        this.#provenModels.add(model.sha256);
        this.#record(reply.times, first);
      }
      for (const [at, task] of tasks.entries()) settle(task, reply, at);
    } catch (error) {
      this.#handleError(slot, first, tasks, error);
    }
    this.#scheduleDispatch();
  }

  #record(times: ClassifyTimes | undefined, { batch }: Task): void {
    if (times === undefined) return;
    this.#meter.record('DecodeMs', times.decodeMs, batch?.modelTitle);
    this.#meter.record('InferenceMs', times.inferenceMs, batch?.modelTitle);
  }

  #handleError(slot: Slot, first: Task, tasks: Task[], error: unknown): void {
    const wasAlone = slot.alone;
    slot.alone = false;
    if (this.#broken !== undefined || !(error instanceof RunnerDied)) {
      for (const task of tasks) task.reject(this.#broken ?? error);
      return;
    }
    const { deathCause, message: exit, stderr } = error;
    const wanted = tasks.filter(({ signal }) => !signal.aborted);
    // One line for each batch: a log filtered by job shows it.
    for (const batch of new Set(wanted.map(({ batch }) => batch)))
      this.#log.warn(
        { ...batch?.logFields, cause: deathCause, exit, stderr, images: tasks.length },
        'Model runner ended unexpectedly.',
      );
    for (const { signal, reject } of tasks) if (signal.aborted) reject(signal.reason);
    if (!wasAlone || wanted.length === 0) {
      this.#suspects.push(...wanted);
      return;
    }
    const { record, errorCode } = attributeCrash(first.record, deathCause);
    first.record = record;
    // First in line: its next try is the first request of a new process.
    if (errorCode === undefined) this.#suspects.unshift(first);
    else if (first.image === CONTROL_IMAGE || this.#provenModels.has(first.model.sha256))
      first.blame(errorCode, exit);
    else this.#suspects.unshift(this.#control(first, () => first.blame(errorCode, exit)));
  }

  /** Before the first result, the model or the machine may be the cause. Trying a known image tells. */
  #control(suspect: Task, blameSuspect: () => void): Task {
    return {
      ...suspect,
      image: CONTROL_IMAGE,
      record: CLEAN,
      onBegin: () => {},
      resolve: blameSuspect,
      blame: (_, exit) => {
        this.#break(runnersFail(`Model runners end whatever image they get (${exit}).`));
        suspect.reject(this.#broken);
      },
    };
  }

  /** Rejects all images that are in no runner, and all later ones. */
  #break(error: ImgclsError): void {
    this.#broken ??= error;
    for (const task of [...this.#queue.takeAll(), ...this.#suspects.splice(0)]) task.reject(this.#broken);
  }
}

const runnersFail = (message: string) => new MachineFaultError('worker_crash', message);

/** Resolves or rejects an image as the runner's reply says. */
function settle(task: Task, reply: RequestReply, at: number): void {
  if (reply.type === 'failed') {
    task.reject(new MachineFaultError('model_unavailable', `The model does not run here: ${reply.message}`));
    return;
  }
  const result = reply.results[at];
  if (result === undefined) task.reject(runnersFail('The model runner returned no result for the image.'));
  else if (isError(result) && result.isMachineFault === true)
    task.reject(new MachineFaultError(result.error.code, result.error.message, { scope: 'image' }));
  else task.resolve(result);
}

function crashMessage(code: ErrorCode, exit: string): string {
  return code === 'deadline'
    ? 'Classifying the image timed out twice.'
    : `Classifying the image crashed its process twice (${exit}).`;
}

import { type ChildProcess, fork } from 'node:child_process';
import { modelEnvironment, nodeUnder } from '../../core/model/model-environment.ts';
import type {
  ModelLocation,
  RunnerMessage,
  RunnerReply,
  RunnerRequest,
} from '../../core/model/runner-protocol.ts';
import { RUNNER_BATCH } from '../../core/model/runner-protocol.ts';
import type { Clock } from '../../core/runtime/clock.ts';
import type { DeathCause } from './crash-attribution.ts';
import { Deadline } from './deadline.ts';
import { lowerPriority } from './niceness.ts';

export interface RunnerOptions {
  /** The script that speaks core/runner-protocol. */
  entry: URL;
  args: readonly string[];
  /** A program with arguments that runs the runner's process, such as one that confines it. Empty for none. */
  under: readonly string[];
  clock: Clock;
  limits: RunnerLimits;
  /** From 0 (normal priority) to 19. */
  niceness: number;
  /** Called when it has loaded a model. */
  onModel?(): void;
}

/** Time limits, in milliseconds. A runner that exceeds one counts as hung and is killed. */
export interface RunnerLimits {
  startMs: number;
  /** Added until the runner has loaded the model: loading blocks it. */
  modelMs: number;
  /** For one image, longer than the runner's own limit for a decode. A full request gets twice as long. */
  imageMs: number;
}

export const DEFAULT_RUNNER_LIMITS: RunnerLimits = { startMs: 60_000, modelMs: 60_000, imageMs: 30_000 };

/** The reply to one request. */
export type RequestReply = Exclude<RunnerReply, { type: 'ready' | 'model' }>;

/** The runner ended before it replied. */
export class RunnerDied extends Error {
  readonly deathCause: DeathCause;
  /** The end of what it wrote to stderr. */
  readonly stderr: string;

  /** @param exit its exit code or signal. */
  constructor(deathCause: DeathCause, exit: string, stderr: string) {
    super(exit);
    this.name = 'RunnerDied';
    this.deathCause = deathCause;
    this.stderr = stderr;
  }
}

/** Characters kept of a runner's stderr. */
const STDERR_CHARS = 4000;

/** A runner whose channel is closed should end by itself. It is killed after so long. */
const END_MS = 3000;

/** Models that a runner keeps in memory. */
const MODELS_KEPT = 2;

/** Decodes run in the thread pool beside the model. More threads would only compete with it for the core. */
const THREADS = '2';

/** Megabytes. Few objects of a runner outlive a request: with V8's default it takes 8 MB more and is no faster. */
const YOUNG_GENERATION = '--max-semi-space-size=4';

interface PendingRequest {
  request: RunnerRequest;
  resolve(reply: RequestReply): void;
  reject(error: RunnerDied): void;
}

/**
 * One child process that classifies. It is starting until it sends `ready`, then accepts requests. When its process ends,
 * for whatever reason, every pending request is rejected with {@link RunnerDied}.
 */
export class Runner {
  /** Rejects with {@link RunnerDied} if it ends before it is ready. */
  readonly ready: Promise<void>;
  /** Resolves when its process has ended, with the number of requests that were pending. */
  readonly ended: Promise<{ died: RunnerDied; pending: number }>;
  readonly #options: RunnerOptions;
  readonly #child: ChildProcess;
  readonly #pending = new Map<number, PendingRequest>();
  #models: string[] = [];
  #alive = true;
  #isReady = false;
  #timedOut = false;
  #rssBytes = 0;
  #stderr = '';
  #nextId = 1;
  readonly #deadline: Deadline;

  constructor(options: RunnerOptions) {
    this.#options = options;
    this.#deadline = new Deadline(options.clock, () => {
      this.#timedOut = true;
      this.kill();
    });
    this.#child = fork(options.entry, options.args, {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      ...nodeUnder(options.under, [YOUNG_GENERATION]),
      env: {
        // glibc keeps a heap for each thread, with unused memory in each. Two heaps save 15 MB a runner.
        MALLOC_ARENA_MAX: '2',
        ...modelEnvironment(process.env),
        UV_THREADPOOL_SIZE: THREADS,
        // ONNX Runtime would report models and machine to its maker, and write files into home and temporary folders.
        ORT_DISABLE_TELEMETRY: '1',
      },
      // Keeps a Ctrl-C in the terminal from the runners: the worker lets them finish.
      detached: process.platform !== 'win32',
    });
    const { pid } = this.#child;
    if (pid !== undefined) void lowerPriority(pid, options.niceness, options.clock);
    const ready = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<{ died: RunnerDied; pending: number }>();
    this.ready = ready.promise;
    this.ended = ended.promise;
    this.ready.catch(() => {});
    const stderrClosed = Promise.withResolvers<void>();
    this.#child.stderr
      ?.setEncoding('utf8')
      .on('data', (text: string) => {
        this.#stderr = (this.#stderr + text).slice(-STDERR_CHARS);
      })
      .once('close', stderrClosed.resolve);
    this.#child.on('message', (reply) => this.#receive(reply as RunnerReply, ready.resolve));
    const end = (exit: string) => {
      if (!this.#alive) return;
      const pending = this.#pending.size;
      const died = this.#markDead(exit);
      ready.reject(died);
      ended.resolve({ died, pending });
    };
    // Not `close`: Node does not emit that once this side has closed the channel.
    this.#child.once('exit', (code, signal) => {
      void stderrClosed.promise.then(() => end(signal === null ? `exit code ${code}` : `signal ${signal}`));
    });
    this.#child.once('error', (error) => {
      if (this.#child.pid === undefined) end(error.message);
    });
    this.#resetDeadline();
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Number of requests without a reply. */
  get pending(): number {
    return this.#pending.size;
  }

  get acceptsRequests(): boolean {
    return this.#alive && this.#isReady && !this.#timedOut && this.#child.connected;
  }

  /** Resident memory, as it last reported it. */
  get rssBytes(): number {
    return this.#rssBytes;
  }

  /** sha256 of the models that it has loaded. */
  get models(): readonly string[] {
    return this.#models;
  }

  /** @throws {RunnerDied} if it ends first. */
  classify(request: Omit<RunnerRequest, 'id'>): Promise<RequestReply> {
    const { promise, resolve, reject } = Promise.withResolvers<RequestReply>();
    const numbered = { id: this.#nextId++, ...request };
    this.#pending.set(numbered.id, { request: numbered, resolve, reject });
    if (this.#pending.size === 1) this.#resetDeadline();
    this.#send(numbered);
    return promise;
  }

  #send(message: RunnerMessage): void {
    // A process that could not be started has no channel. Its `error` follows.
    if (this.#child.pid === undefined) return;
    // An error here means that the process has ended; then `end` rejects all pending requests.
    this.#child.send(message, () => {});
  }

  /** Loads the model before images arrive. If that fails, the replies to their requests say why. */
  preload(model: ModelLocation): void {
    this.#send({ preload: model });
  }

  /** Kills it unless its oldest request gets a reply within this time. */
  expectReplyWithin(ms: number): void {
    if (this.#alive && this.#pending.size > 0) this.#deadline.bringForward(ms);
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** Lets it end by itself; kills it after a while. */
  async end(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    const waiting = new AbortController();
    const kill = this.#options.clock.sleep(END_MS, waiting.signal).then(() => {
      if (this.#alive) this.kill();
    });
    await this.ended;
    waiting.abort();
    await kill;
  }

  #receive(reply: RunnerReply, markReady: () => void): void {
    this.#rssBytes = reply.rssBytes;
    if (reply.type === 'ready') {
      this.#isReady = true;
      this.#resetDeadline();
      markReady();
      return;
    }
    if (reply.type === 'model') {
      this.#addModel(reply.sha256);
      // The time for loading ends now, used or not.
      this.#resetDeadline();
      return;
    }
    const pending = this.#pending.get(reply.id);
    if (pending === undefined) return;
    const wasOldest = this.#pending.keys().next().value === reply.id;
    this.#pending.delete(reply.id);
    // A runner that classifies has loaded the model, whether or not it has reported that.
    if (reply.type === 'results') this.#addModel(pending.request.model.sha256);
    // Replies to later requests must not hide that the oldest one hangs.
    if (wasOldest) this.#resetDeadline();
    pending.resolve(reply);
  }

  #addModel(sha256: string): void {
    if (this.#models.at(-1) !== sha256)
      this.#models = [...this.#models.filter((known) => known !== sha256), sha256].slice(-MODELS_KEPT);
    this.#options.onModel?.();
  }

  /** Kills the process if its start, or its oldest request, exceeds its time limit from now on. */
  #resetDeadline(): void {
    const limitMs = this.#limitMs();
    if (!this.#alive || limitMs === undefined) this.#deadline.clear();
    else this.#deadline.set(limitMs);
  }

  #limitMs(): number | undefined {
    const { startMs, modelMs, imageMs } = this.#options.limits;
    if (!this.#isReady) return startMs;
    const oldest = this.#pending.values().next();
    if (oldest.done === true) return undefined;
    const { model, images } = oldest.value.request;
    const loadMs = this.#models.includes(model.sha256) ? 0 : modelMs;
    return loadMs + imageMs * (1 + (images.length - 1) / (RUNNER_BATCH - 1));
  }

  #markDead(exit: string): RunnerDied {
    this.#alive = false;
    this.#deadline.close();
    const died = new RunnerDied(this.#timedOut ? 'timeout' : 'crash', exit, this.#stderr.trim());
    for (const request of this.#pending.values()) request.reject(died);
    this.#pending.clear();
    return died;
  }
}

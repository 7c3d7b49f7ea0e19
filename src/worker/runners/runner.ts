import { type ChildProcess, fork } from 'node:child_process';
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
  clock: Clock;
  limits: RunnerLimits;
  /** How far it stands back behind other processes: 0, as they do, to 19. */
  niceness: number;
  /** Told when a model is in its memory. */
  onModel?(): void;
}

/** How long a runner may take, in milliseconds, before it counts as hung and is killed. */
export interface RunnerLimits {
  startMs: number;
  /** On top, until the runner has answered for a model: loading blocks it. */
  modelMs: number;
  /** For one image; longer than the runner's own limit for a decode. A full request gets twice as long. */
  imageMs: number;
}

export const DEFAULT_LIMITS: RunnerLimits = { startMs: 60_000, modelMs: 60_000, imageMs: 30_000 };

/** The answer to one request. */
export type RunnerAnswer = Exclude<RunnerReply, { type: 'ready' | 'model' }>;

/** The runner ended before it answered. */
export class RunnerDied extends Error {
  readonly by: DeathCause;
  readonly lastWords: string;

  constructor(by: DeathCause, how: string, lastWords: string) {
    super(how);
    this.name = 'RunnerDied';
    this.by = by;
    this.lastWords = lastWords;
  }
}

/** Kept of what a runner writes to stderr. */
const LAST_WORDS_CHARS = 4000;

/** A runner whose channel is closed ends by itself; after so long it is killed. */
const END_MS = 3000;

/** Models that a runner keeps in memory. */
const MODELS_KEPT = 2;

/** Decodes run in the thread pool beside the session: more threads only take turns with it. */
const THREADS = '2';

interface Held {
  request: RunnerRequest;
  resolve(answer: RunnerAnswer): void;
  reject(error: RunnerDied): void;
}

/**
 * One child process that classifies. It is starting until it says `ready`, then takes requests, and is dead once its
 * process has ended, for whatever reason: then every request that it still held is rejected with {@link RunnerDied}.
 */
export class Runner {
  /** Rejects with {@link RunnerDied} when it ends before it is ready. */
  readonly ready: Promise<void>;
  /** What ended it, and how many requests it held. */
  readonly ended: Promise<{ died: RunnerDied; held: number }>;
  readonly #options: RunnerOptions;
  readonly #child: ChildProcess;
  readonly #held = new Map<number, Held>();
  #models: string[] = [];
  #alive = true;
  #isReady = false;
  #timedOut = false;
  #rssBytes = 0;
  #lastWords = '';
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
      execArgv: [],
      env: {
        // The C library's allocator keeps a heap a thread, each with memory that is free in it: 15 MB a runner.
        MALLOC_ARENA_MAX: '2',
        ...process.env,
        UV_THREADPOOL_SIZE: THREADS,
        // The runtime would report models and machine to its maker, and write files into home and temporary folders.
        ORT_DISABLE_TELEMETRY: '1',
      },
      // A Ctrl-C in the terminal is for the worker, which lets its runners finish.
      detached: process.platform !== 'win32',
    });
    const { pid } = this.#child;
    if (pid !== undefined) void lowerPriority(pid, options.niceness, options.clock);
    const ready = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<{ died: RunnerDied; held: number }>();
    this.ready = ready.promise;
    this.ended = ended.promise;
    this.ready.catch(() => {});
    const silent = Promise.withResolvers<void>();
    this.#child.stderr
      ?.setEncoding('utf8')
      .on('data', (text: string) => {
        this.#lastWords = (this.#lastWords + text).slice(-LAST_WORDS_CHARS);
      })
      .once('close', silent.resolve);
    this.#child.on('message', (reply) => this.#receive(reply as RunnerReply, ready.resolve));
    const end = (how: string) => {
      if (!this.#alive) return;
      const held = this.#held.size;
      const died = this.#bury(how);
      ready.reject(died);
      ended.resolve({ died, held });
    };
    // Not its `close` event: that never comes once this side has closed the channel.
    this.#child.once('exit', (code, signal) => {
      void silent.promise.then(() => end(signal === null ? `exit code ${code}` : `signal ${signal}`));
    });
    this.#child.once('error', (error) => {
      if (this.#child.pid === undefined) end(error.message);
    });
    this.#watch();
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Requests that it has not answered. */
  get held(): number {
    return this.#held.size;
  }

  get canTake(): boolean {
    return this.#alive && this.#isReady && !this.#timedOut && this.#child.connected;
  }

  /** Resident memory, as it last said. */
  get rssBytes(): number {
    return this.#rssBytes;
  }

  /** sha256 of the models in its memory. */
  get models(): readonly string[] {
    return this.#models;
  }

  /** @throws {RunnerDied} when it ends first. */
  classify(request: Omit<RunnerRequest, 'id'>): Promise<RunnerAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<RunnerAnswer>();
    const numbered = { id: this.#nextId++, ...request };
    this.#held.set(numbered.id, { request: numbered, resolve, reject });
    if (this.#held.size === 1) this.#watch();
    this.#send(numbered);
    return promise;
  }

  #send(message: RunnerMessage): void {
    // An error here means that the process is gone; its end rejects what it held.
    this.#child.send(message, () => {});
  }

  /** Loads the model before images come. Where it cannot be loaded, those that come say why. */
  preload(model: ModelLocation): void {
    this.#send({ preload: model });
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** Lets it end by itself, and kills it where it does not. */
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
      this.#watch();
      markReady();
      return;
    }
    if (reply.type === 'model') {
      this.#noteModel(reply.sha256);
      return;
    }
    const held = this.#held.get(reply.id);
    if (held === undefined) return;
    const wasOldest = this.#held.keys().next().value === reply.id;
    this.#held.delete(reply.id);
    // Whoever answers has it, whether or not it said so.
    if (reply.type === 'results') this.#noteModel(held.request.model.sha256);
    // Answers to later requests must not hide that the oldest one hangs.
    if (wasOldest) this.#watch();
    held.resolve(reply);
  }

  #noteModel(sha256: string): void {
    if (this.#models.at(-1) !== sha256)
      this.#models = [...this.#models.filter((known) => known !== sha256), sha256].slice(-MODELS_KEPT);
    this.#options.onModel?.();
  }

  /** Watches anew: kills the process when its start, or its oldest request, takes longer than it may from now on. */
  #watch(): void {
    const limitMs = this.#limitMs();
    if (!this.#alive || limitMs === undefined) this.#deadline.lift();
    else this.#deadline.set(limitMs);
  }

  #limitMs(): number | undefined {
    const { startMs, modelMs, imageMs } = this.#options.limits;
    if (!this.#isReady) return startMs;
    const oldest = this.#held.values().next();
    if (oldest.done === true) return undefined;
    const { model, images } = oldest.value.request;
    const loadMs = this.#models.includes(model.sha256) ? 0 : modelMs;
    return loadMs + imageMs * (1 + (images.length - 1) / (RUNNER_BATCH - 1));
  }

  #bury(how: string): RunnerDied {
    this.#alive = false;
    this.#deadline.close();
    const died = new RunnerDied(this.#timedOut ? 'timeout' : 'crash', how, this.#lastWords.trim());
    for (const held of this.#held.values()) held.reject(died);
    this.#held.clear();
    return died;
  }
}

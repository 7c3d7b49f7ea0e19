/** A cluster in a temporary folder, with workers whose runners are stubs, for the worker's integration tests. */
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ulid } from 'ulid';
import { systemClock } from '../../src/app/system-clock.ts';
import type { Cloud, Queue } from '../../src/core/cloud/ports.ts';
import { createJob } from '../../src/core/job/job-record.ts';
import {
  deadLetterQueueName,
  imageKey,
  interactiveQueueName,
  requestQueueName,
  responseQueueName,
  type ShardRange,
  shardKey,
} from '../../src/core/job/keys.ts';
import { parseResponse, type RequestMessage, type ResponseMessage } from '../../src/core/job/messages.ts';
import type { ModelRef } from '../../src/core/model/model.ts';
import { isError, type Outcome } from '../../src/core/model/outcome.ts';
import type { Clock } from '../../src/core/runtime/clock.ts';
import type { Log } from '../../src/core/runtime/log.ts';
import { createLocalCloud } from '../../src/local/cloud.ts';
import { runWorker, type WorkerSummary } from '../../src/worker/worker.ts';
import type { WorkerOptions } from '../../src/worker/worker-options.ts';
import { until } from '../contract/until.ts';

export const MODEL: ModelRef = { name: 'stub', version: '1', variant: 'fp32', sha256: 'ab'.repeat(32) };

/** The digest of a stub's classifier. */
export const classifierOf = (sha256: string, recipe = 'recipe'): string => `${sha256} ${recipe}`;

const CLUSTER = 'test';

export interface RunningWorker {
  summary: Promise<WorkerSummary>;
  drain: AbortController;
  force: AbortController;
}

type Entry = RequestMessage['images'][number];

export class Harness {
  readonly cloud: Cloud;
  readonly requests: Queue;
  readonly deadLetters: Queue;
  readonly interactive: Queue;
  readonly job = ulid();
  readonly replyTo = responseQueueName(CLUSTER, 'waiter');
  readonly folder: string;
  readonly #workers: RunningWorker[] = [];

  private constructor(folder: string) {
    this.folder = folder;
    this.cloud = createLocalCloud({ dataDir: folder, cluster: CLUSTER });
    this.requests = this.cloud.queues.open(requestQueueName(CLUSTER));
    this.deadLetters = this.cloud.queues.open(deadLetterQueueName(CLUSTER));
    this.interactive = this.cloud.queues.open(interactiveQueueName(CLUSTER));
  }

  static async make(): Promise<Harness> {
    const harness = new Harness(await mkdtemp(path.join(tmpdir(), 'imgcls-worker-')));
    const { cloud, job } = harness;
    await cloud.queues.create(deadLetterQueueName(CLUSTER));
    await cloud.queues.create(requestQueueName(CLUSTER), {
      deadLetter: { queue: deadLetterQueueName(CLUSTER), maxReceiveCount: 20 },
    });
    await cloud.queues.create(interactiveQueueName(CLUSTER), { retentionMs: 60_000 });
    await cloud.queues.create(harness.replyTo);
    await createJob(cloud.output, {
      v: 1,
      id: job,
      state: 'open',
      createdAtMs: Date.now(),
      inputs: [],
      include: [],
      exclude: [],
      topK: 1,
      model: MODEL,
    });
    return harness;
  }

  /** Ends all workers of a test. @throws if a runner has outlived its worker. */
  async release(): Promise<void> {
    for (const { force } of this.#workers) force.abort();
    await Promise.allSettled(this.#workers.map(({ summary }) => summary));
    const left = await this.livingRunners();
    await this.cloud.close();
    await rm(this.folder, { recursive: true });
    if (left.length > 0) throw new Error(`Runners outlived their worker: ${left.join(', ')}`);
  }

  /** Stores each text as an image. @returns their entries for a request. */
  async store(texts: readonly string[], first = 0): Promise<Entry[]> {
    return await Promise.all(
      texts.map(async (text, place) => {
        const sha256 = createHash('sha256').update(text).digest('hex');
        const key = imageKey(sha256);
        await this.cloud.input.put(key, Buffer.from(text, 'latin1'));
        const index = first + place;
        return { index, name: `${index}.jpg`, bucket: this.cloud.input.bucket, key, sha256 };
      }),
    );
  }

  async announce(images: Entry[], changes: Partial<RequestMessage> = {}): Promise<void> {
    const request: RequestMessage = {
      v: 1,
      job: this.job,
      attempt: 1,
      model: MODEL,
      topK: 1,
      replyTo: this.replyTo,
      images,
      ...changes,
    };
    await this.requests.send([{ body: JSON.stringify(request), groupId: request.job }]);
  }

  async submit(texts: readonly string[], first = 0): Promise<void> {
    await this.announce(await this.store(texts, first));
  }

  start(options: Partial<WorkerOptions> & { mode?: string } = {}): RunningWorker {
    const { mode, ...others } = options;
    const drain = new AbortController();
    const force = new AbortController();
    const summary = runWorker({
      cloud: this.cloud,
      workerId: `w-${this.#workers.length}`,
      host: 'here',
      version: '0.0.0',
      runners: 1,
      runnerEntry: new URL('./children/stub-runner.ts', import.meta.url),
      runnerArgs: [this.#runnerLog, ...(mode === undefined ? [] : [mode])],
      models: {
        ensure: async ({ sha256 }) => ({ dir: this.folder, sha256, classifier: classifierOf(sha256) }),
      },
      clock: systemClock,
      leaseMs: 60_000,
      topK: 1,
      log: silent,
      maxImageBytes: 1000,
      drain: drain.signal,
      force: force.signal,
      ...others,
    });
    summary.catch(() => {});
    const worker = { summary, drain, force };
    this.#workers.push(worker);
    return worker;
  }

  /** Runs a worker until it has been idle for a moment. */
  async work(options: Partial<WorkerOptions> & { mode?: string } = {}): Promise<WorkerSummary> {
    return await this.start({ idleExitMs: 100, ...options }).summary;
  }

  get #runnerLog(): string {
    return path.join(this.folder, 'runners.log');
  }

  /** The log of all runners: `start <pid>`, `image <text>` and `done <text>`. */
  async runnerLines(): Promise<string[]> {
    const text = await readFile(this.#runnerLog, 'utf8').catch(() => '');
    return text.split('\n').filter((line) => line !== '');
  }

  async untilRunnersSaw(image: string): Promise<void> {
    await until(`a runner has the image ${image}`, async () =>
      (await this.runnerLines()).includes(`image ${image}`) ? true : undefined,
    );
  }

  async livingRunners(): Promise<number[]> {
    const lines = await this.runnerLines();
    const pids = lines.filter((line) => line.startsWith('start ')).map((line) => Number(line.slice(6)));
    return pids.filter((pid) => {
      try {
        return process.kill(pid, 0);
      } catch {
        return false;
      }
    });
  }

  async shard(range: Omit<ShardRange, 'attempt'>): Promise<Outcome[]> {
    const { body } = await this.cloud.output.get(shardKey(this.job, { attempt: 1, ...range }));
    const lines = new TextDecoder().decode(body).trimEnd().split('\n');
    return lines.map((line) => JSON.parse(line) as Outcome);
  }

  /** The responses in the queue. */
  async responses(): Promise<ResponseMessage[]> {
    const queue = this.cloud.queues.open(this.replyTo);
    const messages = await queue.receive({ max: 10, waitMs: 0, leaseMs: 60_000 });
    return messages.map(({ body }) => parseResponse(body));
  }

  /** Number of messages in the request queue: waiting, in flight and delayed. */
  async requestsLeft(): Promise<number> {
    const { waiting, inFlight, delayed } = await this.requests.depth();
    return waiting + inFlight + delayed;
  }

  /** Receives the messages that the request queue has within a second. @returns how many. */
  async receivable(max = 10): Promise<number> {
    const messages = await this.requests.receive({ max, waitMs: 1000, leaseMs: 60_000 });
    return messages.length;
  }
}

/** The store or queue, with some of its methods replaced. */
export const override = <T extends object>(target: T, methods: Partial<T>): T =>
  new Proxy(target, {
    get(_, name) {
      const value: unknown = Reflect.get(name in methods ? methods : target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });

/** A clock that runs so many times as fast as the system's. */
export function acceleratedClock(factor: number): Clock {
  return {
    nowMs: () => systemClock.nowMs(),
    monotonicMs: () => factor * systemClock.monotonicMs(),
    sleep: (ms, signal) => systemClock.sleep(ms / factor, signal),
  };
}

/** Images whose label is their index. */
export const labels = (first: number, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `label:${first + i}`);

/** Each outcome as its error code or its best label. */
export const gist = (outcomes: readonly Outcome[] | undefined): string[] =>
  (outcomes ?? []).map((outcome) =>
    isError(outcome) ? outcome.error.code : (outcome.labels[0]?.label ?? ''),
  );

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };

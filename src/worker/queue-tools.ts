import { JobStates } from '../core/job/job-states.ts';
import {
  classifyWordsKey,
  deadLetterQueueName,
  interactiveQueueName,
  requestQueueName,
  wordsKey,
} from '../core/job/keys.ts';
import { Budget } from '../core/runtime/budget.ts';
import { ExclusiveGate } from '../core/runtime/exclusive-gate.ts';
import { noMeter } from '../core/runtime/metrics.ts';
import { INTERACTIVE_HELD } from './intake/interactive-service.ts';
import { type BatchTools, markLateBatch } from './messages/batch.ts';
import { downloadImage, locate } from './messages/download.ts';
import { FaultAgreement } from './messages/fault-agreement.ts';
import type { MessageTools } from './messages/handle-message.ts';
import { LeaseKeeper } from './messages/lease.ts';
import { ModelLocations } from './messages/models.ts';
import { createWordsReader, type ReadWords } from './messages/words.ts';
import { DEFAULT_RUNNER_LIMITS } from './runners/runner.ts';
import {
  FULL_REQUESTS,
  type RequestSizes,
  RunnerPool,
  type RunnerPoolOptions,
} from './runners/runner-pool.ts';
import type { WorkerOptions } from './worker-options.ts';

/** What the messages of one queue may use together. */
interface QueueLimits {
  /** Model runners are started when they are needed. */
  pool: Pick<RunnerPoolOptions, 'runners' | 'niceness' | keyof RequestSizes>;
  leaseMs: number;
  /** Bytes of images in memory. */
  memoryBytes: number;
  /** Downloads at a time. */
  downloads: number;
}

const PREFETCH_BYTES = 256 * 1024 * 1024;
const DOWNLOADS = 32;

/** Keeps a core available for interactive images and for the worker itself. */
const BATCH_NICENESS = 5;

/** Interactive messages have limits of their own: they never wait behind batches. */
export const INTERACTIVE: QueueLimits = {
  // No image waits for the end of another one. Images whose callers have left may still be in the runner.
  pool: { runners: 1, niceness: 0, requestsPerRunner: 2 * INTERACTIVE_HELD, imagesPerRequest: 1 },
  leaseMs: 10_000,
  memoryBytes: 32 * 1024 * 1024,
  downloads: 4,
};

/** What the work on the messages of each queue needs. */
export function makeTools(
  options: WorkerOptions,
  onMilestone: (milestone: 'runtimeLoadedMs' | 'modelReadyMs') => void,
): { batches: BatchTools; interactive: MessageTools } {
  const { cloud, workerId, clock, log, meter = noMeter, force, maxImageBytes } = options;
  const random = options.random ?? Math.random;
  const models = new ModelLocations(options.models, force);
  /** Each queue has tools of its own: one queue cannot hold up the other. */
  const toolsFor = (
    queueTitle: string,
    name: string,
    limits: QueueLimits,
    readWords: ReadWords,
  ): MessageTools => {
    const queue = cloud.queues.open(name);
    const memory = new Budget(limits.memoryBytes);
    const connections = new Budget(limits.downloads);
    const reading = { cloud, memory, connections, clock, random };
    return {
      cloud,
      workerId,
      queue,
      leases: new LeaseKeeper({ queue, clock, log, leaseMs: limits.leaseMs }),
      models,
      pool: new RunnerPool({
        ...limits.pool,
        entry: options.runnerEntry,
        args: options.runnerArgs ?? [],
        under: options.runnersUnder ?? [],
        limits: { ...DEFAULT_RUNNER_LIMITS, ...options.runnerLimits },
        clock,
        random,
        log,
        meter,
        onMilestone,
      }),
      gate: new ExclusiveGate(),
      readWords,
      locate: (image, signal) => locate(image, { ...reading, maxImageBytes, signal }),
      download: (image, signal, maxBytes = maxImageBytes) =>
        downloadImage(image, { ...reading, maxImageBytes: maxBytes, signal }),
      clock,
      random,
      log,
      meter,
      queueTitle,
    };
  };
  return {
    batches: {
      ...toolsFor(
        'request',
        requestQueueName(cloud.cluster),
        {
          pool: { runners: options.runners, niceness: BATCH_NICENESS, ...FULL_REQUESTS },
          leaseMs: options.leaseMs,
          memoryBytes: options.prefetchBytes ?? PREFETCH_BYTES,
          downloads: DOWNLOADS,
        },
        createWordsReader({ store: cloud.output, keyOf: wordsKey }),
      ),
      model: options.likelyModel,
      topK: options.topK,
      faults: new FaultAgreement({ output: cloud.output, workerId, clock }),
      onAdmitted: markLateBatch({ clock, random, log }, cloud.output),
      deadLetters: cloud.queues.open(deadLetterQueueName(cloud.cluster)),
      jobs: new JobStates(cloud.output, clock),
    },
    interactive: toolsFor(
      'interactive',
      interactiveQueueName(cloud.cluster),
      INTERACTIVE,
      createWordsReader({ store: cloud.input, keyOf: classifyWordsKey }),
    ),
  };
}

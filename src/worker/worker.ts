/**
 * A worker of the fleet: receives request messages, classifies their images in model runners, and sends responses.
 *
 * Its states, as in the worker status:
 * - `booting`: started, not yet receiving.
 * - `ready`: receiving, holds no message. `busy`: receiving, holds messages: it downloads, classifies or writes.
 * - `draining`: stopping (a signal, idle, no controller, a spot notice, a fatal error). It receives no more messages,
 *   finishes every message of which an image has been in a runner, releases the others, then ends.
 * - `outdated`: like draining, because it received a message of a newer imgcls.
 *
 * A draining worker never returns to another state. A second signal (`force`) ends the worker at once from every state:
 * its runners are killed, and its messages are redelivered when their leases expire.
 *
 * To follow one message, read intake/intake.ts, intake/batch-service.ts, messages/handle-message.ts, messages/batch.ts,
 * messages/classify-batch.ts and messages/settle-message.ts, in this order.
 */

import type { Cloud } from '../core/cloud/ports.ts';
import { Liveness } from '../core/fleet/liveness.ts';
import type { OwnMachine } from '../core/fleet/machine.ts';
import { JobStates } from '../core/job/job-states.ts';
import { deadLetterQueueName, interactiveQueueName, requestQueueName } from '../core/job/keys.ts';
import { MAX_BATCH } from '../core/job/messages.ts';
import type { ModelRef } from '../core/model/model.ts';
import { onAbort } from '../core/runtime/abort.ts';
import { Budget } from '../core/runtime/budget.ts';
import { Cleanup } from '../core/runtime/cleanup.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { messageOf } from '../core/runtime/errors.ts';
import type { Log } from '../core/runtime/log.ts';
import { type Meter, noMeter } from '../core/runtime/metrics.ts';
import { BatchService } from './intake/batch-service.ts';
import { Intake } from './intake/intake.ts';
import { InteractiveService } from './intake/interactive-service.ts';
import { Workload } from './intake/workload.ts';
import { endMachine, watchOwnEnd } from './lifecycle/own-end.ts';
import { Readiness } from './lifecycle/readiness.ts';
import { holdProtection } from './lifecycle/scale-in-protection.ts';
import { StatusReporter } from './lifecycle/status.ts';
import { Stop, type StopReason } from './lifecycle/stop.ts';
import type { BatchTools } from './messages/batch.ts';
import { downloadImage, locate } from './messages/download.ts';
import { ExclusiveGate } from './messages/exclusive-gate.ts';
import type { MessageTools } from './messages/handle-message.ts';
import { LeaseKeeper } from './messages/lease.ts';
import { ModelLocations, type ModelSource } from './messages/models.ts';
import { DEFAULT_RUNNER_LIMITS, type RunnerLimits } from './runners/runner.ts';
import { RunnerPool } from './runners/runner-pool.ts';

export interface WorkerOptions {
  cloud: Cloud;
  workerId: string;
  host: string;
  version: string;
  /** Number of model runners: one for each core. */
  runners: number;
  /** The script of a runner process, which speaks core/model/runner-protocol. */
  runnerEntry: URL;
  runnerArgs?: readonly string[];
  runnerLimits?: Partial<RunnerLimits>;
  models: ModelSource;
  /** The model that jobs will most likely name. It is preloaded, and classifies dropped images. */
  likelyModel?: ModelRef;
  /** Number of labels for a dropped image. */
  topK: number;
  clock: Clock;
  log: Log;
  meter?: Meter;
  /** 0 (inclusive) to 1 (exclusive); for jitter. */
  random?: () => number;
  /** How long a message stays hidden from other workers after its receive and after each extension. */
  leaseMs: number;
  /** The most messages held at a time. Images and bytes in memory have limits of their own. */
  prefetchMessages?: number;
  /** The most bytes of images in memory. */
  prefetchBytes?: number;
  maxImageBytes: number;
  /** End when the queue is empty. */
  once?: boolean;
  /** End after so long without a message. */
  idleExitMs?: number;
  /** End after so long without a live controller; set if a controller launched the worker. */
  exitWithoutControllerMs?: number;
  /** End after so long. */
  maxLifetimeMs?: number;
  /** The worker's own machine, which ends with it. */
  machine?: OwnMachine;
  /** Receives the heartbeats of the worker's loops. */
  liveness?: Liveness;
  /** Called once, when messages are received and runners are ready for them. */
  onReady?(): void;
  /** Called once, when no more messages are received. */
  onStopping?(reason: StopReason): void;
  /** First signal: finish what has begun, release the rest, end. */
  drain: AbortSignal;
  /** Second signal: end at once. */
  force: AbortSignal;
}

export interface WorkerSummary {
  reason: StopReason;
  /** Number of outcomes that this worker wrote. */
  imagesDone: number;
  /** Number of messages that it acknowledged, including those whose outcomes were in the ledger already. */
  batchesDone: number;
}

/** What the messages of one queue may use together. */
interface QueueLimits {
  /** Number of model runners. They are started when they are needed. */
  runners: number;
  niceness: number;
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
const INTERACTIVE: QueueLimits = {
  runners: 1,
  niceness: 0,
  leaseMs: 10_000,
  memoryBytes: 32 * 1024 * 1024,
  downloads: 4,
};

/** Full batches held for each runner: one in it, one downloading, one being acknowledged. Messages may be smaller. */
export const BATCHES_PER_RUNNER = 3;
const MESSAGES_PER_RUNNER = 24;

/**
 * Runs a worker until a signal ends it, or until it ends by itself as its options say. It leaves no timer, child process
 * or request.
 * @throws {ImgclsError} the permanent error that ended it (no queue, no access, runners that fail to start), after draining.
 */
export async function runWorker(options: WorkerOptions): Promise<WorkerSummary> {
  const { cloud, clock, log, meter = noMeter, runners, drain, force } = options;
  const stop = new Stop();
  const cleanup = new Cleanup();
  const readiness = new Readiness(() => options.onReady?.());
  const { batches, interactive } = makeTools(options, (milestone) => {
    status.reached(milestone);
    readiness.reached(milestone);
  });
  const pools = [batches.pool, interactive.pool];
  const { workerId: id, host, version } = options;
  const status = new StatusReporter({
    output: cloud.output,
    clock,
    log,
    meter,
    id,
    host,
    managed: options.exitWithoutControllerMs !== undefined,
    version,
    runners,
    pools,
    ...(options.machine && { boot: options.machine.boot }),
  });
  cleanup.add(() => status.remove());
  cleanup.add(() => batches.leases.stop());
  cleanup.add(() => interactive.leases.stop());
  for (const pool of pools) cleanup.add(() => pool.close());

  const workload = new Workload({ stop, status, clock, log });
  const batchService = new BatchService({
    tools: batches,
    stop,
    workload,
    status,
    maxMessages: options.prefetchMessages ?? MESSAGES_PER_RUNNER * runners,
    enoughImages: BATCHES_PER_RUNNER * MAX_BATCH * runners,
    once: options.once ?? false,
    idleExitMs: options.idleExitMs,
  });
  const interactiveService = new InteractiveService({ tools: interactive, stop, status });
  const { leaseMs, liveness = new Liveness(clock) } = options;
  const shared = { workload, stop, liveness };
  const intakes = [
    new Intake({ tools: interactive, leaseMs: INTERACTIVE.leaseMs, service: interactiveService, ...shared }),
    new Intake({ tools: batches, leaseMs, service: batchService, ...shared }),
  ];
  cleanup.add(
    onAbort(stop.signal, () => {
      workload.drain();
      if (stop.reason !== undefined) options.onStopping?.(stop.reason);
    }),
  );
  cleanup.add(onAbort(drain, () => stop.because('drained')));
  const { promise: forced, resolve: endByForce } = Promise.withResolvers<'forced'>();
  cleanup.add(onAbort(force, () => endByForce('forced')));
  const idleForMs = () => workload.idleForMs;
  const watching = watchOwnEnd({ ...options, output: cloud.output, idleForMs }, stop);
  cleanup.add(() => watching);
  const protecting = holdProtection({ ...options, idleForMs }, stop.signal);
  cleanup.add(() => protecting);

  log.info({ worker: id, runners }, 'Worker started.');
  // Start a runner before the first message arrives.
  batches.pool.expect(1);
  if (options.likelyModel === undefined) readiness.withoutModel();
  else {
    batches.models.locate(options.likelyModel).then(
      (model) => batches.pool.warmUp(model),
      (error: unknown) => {
        log.debug({ error: messageOf(error) }, 'Could not preload a model.');
        readiness.withoutModel();
      },
    );
  }
  workload.start();
  const working = Promise.all(intakes.map((intake) => intake.run()));
  const winner = await Promise.race([working, forced]);
  if (winner === 'forced') {
    stop.because('forced');
    workload.abandon();
    status.abandon();
    // Do not wait for requests that are under way.
    void cleanup.run().catch((error: unknown) => log.debug({ error: messageOf(error) }, 'Clean-up failed.'));
    await Promise.all(pools.map((pool) => pool.kill()));
  } else {
    await cleanup.run();
  }
  const { imagesDone, batchesDone } = workload;
  const reason = winner === 'forced' ? 'forced' : (stop.reason ?? 'drained');
  log.info({ worker: id, reason, imagesDone, batchesDone }, 'Worker ended.');
  // The machine may end before a later flush.
  meter.flush();
  if (reason === 'failed') throw stop.error;
  await endMachine(options.machine, reason, log);
  return { reason, imagesDone, batchesDone };
}

function makeTools(
  options: WorkerOptions,
  onMilestone: (milestone: 'runtimeLoadedMs' | 'modelReadyMs') => void,
): { batches: BatchTools; interactive: MessageTools } {
  const { cloud, workerId, clock, log, meter = noMeter, force, maxImageBytes } = options;
  const random = options.random ?? Math.random;
  const models = new ModelLocations(options.models, force);
  /** Each queue has tools of its own: one queue cannot hold up the other. */
  const toolsFor = (queueTitle: string, name: string, limits: QueueLimits): MessageTools => {
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
        runners: limits.runners,
        niceness: limits.niceness,
        entry: options.runnerEntry,
        args: options.runnerArgs ?? [],
        limits: { ...DEFAULT_RUNNER_LIMITS, ...options.runnerLimits },
        clock,
        random,
        log,
        meter,
        onMilestone,
      }),
      gate: new ExclusiveGate(),
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
      ...toolsFor('request', requestQueueName(cloud.cluster), {
        runners: options.runners,
        niceness: BATCH_NICENESS,
        leaseMs: options.leaseMs,
        memoryBytes: options.prefetchBytes ?? PREFETCH_BYTES,
        downloads: DOWNLOADS,
      }),
      model: options.likelyModel,
      topK: options.topK,
      deadLetters: cloud.queues.open(deadLetterQueueName(cloud.cluster)),
      jobs: new JobStates(cloud.output, clock),
    },
    interactive: toolsFor('interactive', interactiveQueueName(cloud.cluster), INTERACTIVE),
  };
}

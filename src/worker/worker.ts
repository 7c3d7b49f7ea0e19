/**
 * A worker of the fleet: takes request messages, classifies their images in model runners, and answers.
 *
 * States, as the worker status tells them:
 * - `booting`: made, not yet receiving.
 * - `ready`: receiving, nothing in hand. `busy`: receiving, with messages in hand: being downloaded, classified, written.
 * - `draining`: it was told to stop (a signal, nothing to do, no controller, a spot notice, an error that ends it). It receives no
 *   more, finishes every message of which an image has been in a runner, gives the others back, then ends.
 * - `outdated`: the same, because a message was written by a newer imgcls.
 *
 * Any state becomes draining once; nothing leads back. A second signal (`force`) ends it from every state at once:
 * runners are killed, and what was in hand comes again when its leases run out.
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
import { LeaseKeeper } from './messages/lease.ts';
import type { MessageTools } from './messages/message.ts';
import { ModelLocations, type ModelSource } from './messages/models.ts';
import { DEFAULT_LIMITS, type RunnerLimits } from './runners/runner.ts';
import { RunnerPool } from './runners/runner-pool.ts';

export interface WorkerOptions {
  cloud: Cloud;
  workerId: string;
  host: string;
  version: string;
  /** Model runners: one a core. */
  runners: number;
  /** The script that a runner process executes; it speaks core/runner-protocol. */
  runnerEntry: URL;
  runnerArgs?: readonly string[];
  runnerLimits?: Partial<RunnerLimits>;
  models: ModelSource;
  /** The model that jobs are most likely to name: loaded before one does. Dropped images are classified with it. */
  likelyModel?: ModelRef;
  /** Classes listed for a dropped image. */
  topK: number;
  clock: Clock;
  log: Log;
  meter?: Meter;
  /** 0 (inclusive) to 1 (exclusive); for jitter. */
  random?: () => number;
  /** How long a message stays hidden from others after its receipt and after each extension. */
  leaseMs: number;
  /** The most messages held at a time; images and bytes in memory are bounded besides. */
  prefetchMessages?: number;
  /** The most bytes of images in memory. */
  prefetchBytes?: number;
  maxImageBytes: number;
  /** End when the queue gives nothing. */
  once?: boolean;
  /** End after so long without a message. */
  idleExitMs?: number;
  /** Started by a controller: end after the controller lock was nobody's for so long. */
  exitWithoutControllerMs?: number;
  /** End after so long. */
  maxLifetimeMs?: number;
  /** The machine that is the worker's own and ends with it. */
  machine?: OwnMachine;
  /** Told how the loops of the worker move. */
  liveness?: Liveness;
  /** Told once that messages are received and runners have what it takes to answer them. */
  onReady?(): void;
  /** Told once that no more are received. */
  onStopping?(reason: StopReason): void;
  /** First signal: finish what is begun, give back the rest, end. */
  drain: AbortSignal;
  /** Second signal: end at once. */
  force: AbortSignal;
}

export interface WorkerSummary {
  reason: StopReason;
  /** Outcomes that this worker wrote. */
  imagesDone: number;
  /** Messages that it answered, those with outcomes that stood in the ledger already included. */
  batchesDone: number;
}

/** What the messages of one queue may use. */
interface QueueLimits {
  /** Model runners, started when they are needed. */
  runners: number;
  /** How far they stand back behind other processes. */
  niceness: number;
  leaseMs: number;
  /** Bytes of images in memory. */
  memoryBytes: number;
  /** At a time. */
  downloads: number;
}

const PREFETCH_BYTES = 256 * 1024 * 1024;
const DOWNLOADS = 32;

/** So that a single image, and the worker itself, need not wait for a core. */
const BATCH_NICENESS = 5;

/** Of interactive messages, which never wait behind those of batches. */
const INTERACTIVE: QueueLimits = {
  runners: 1,
  niceness: 0,
  leaseMs: 10_000,
  memoryBytes: 32 * 1024 * 1024,
  downloads: 4,
};

/** Full batches held for a runner: one in it, one on its way, one being answered. Messages may be smaller than that. */
export const BATCHES_PER_RUNNER = 3;
const MESSAGES_PER_RUNNER = 24;

/**
 * Runs a worker until it is told to end, or ends by itself as its options say. Nothing is left when it resolves: no
 * timer, no child, no request.
 * @throws {ImgclsError} what made going on pointless (no queue, no access, runners that do not start), after draining.
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
      workload.leave();
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

  log.info({ worker: id, runners }, 'The worker starts.');
  // Runners are on their way before the first message is.
  batches.pool.expect(1);
  if (options.likelyModel === undefined) readiness.withoutModel();
  else {
    batches.models.locate(options.likelyModel).then(
      (model) => batches.pool.warmUp(model),
      (error: unknown) => {
        log.debug({ error: messageOf(error) }, 'No model is loaded before one is named.');
        readiness.withoutModel();
      },
    );
  }
  workload.start();
  const working = Promise.all(intakes.map((intake) => intake.run()));
  const end = await Promise.race([working, forced]);
  if (end === 'forced') {
    stop.because('forced');
    workload.abandon();
    status.abandon();
    // Requests that are under way end on their own; nothing waits for them.
    void cleanup.run().catch((error: unknown) => log.debug({ error: messageOf(error) }, 'Forced end.'));
    await Promise.all(pools.map((pool) => pool.kill()));
  } else {
    await cleanup.run();
  }
  const { imagesDone, batchesDone } = workload;
  const reason = end === 'forced' ? 'forced' : (stop.reason ?? 'drained');
  log.info({ worker: id, reason, imagesDone, batchesDone }, 'The worker ends.');
  // Before the machine ends.
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
  /** Those of one queue: what holds up its images holds up no others. */
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
        limits: { ...DEFAULT_LIMITS, ...options.runnerLimits },
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

/**
 * A worker of the fleet: receives request messages, classifies their images in model runners, and sends responses.
 *
 * Its states, as in the worker status:
 * - `booting`: started, not yet receiving.
 * - `ready`: receiving, holds no message. `busy`: receiving, holds messages: it downloads, classifies or writes.
 * - `draining`: stopping (a signal, idle, no controller, a spot notice). It receives no more messages, finishes every
 *   message of which an image has been in a runner, releases the others, then ends.
 * - `failed`: like draining, because its machine or its cluster fails. Its status stays, with the reason.
 * - `outdated`: like draining, because it received a message of a newer imgcls half a minute ago. It finishes all that it
 *   holds.
 *
 * A draining worker never returns to another state. A second signal (`force`) ends the worker at once from every state:
 * its runners are killed, and its messages are redelivered when their leases expire.
 *
 * To follow one message, read intake/intake.ts, intake/batch-service.ts, messages/handle-message.ts, messages/batch.ts,
 * messages/classify-batch.ts and messages/settle-message.ts, in this order.
 */

import { Liveness } from '../core/fleet/liveness.ts';
import { SMALL_BATCH } from '../core/job/batches.ts';
import { onAbort } from '../core/runtime/abort.ts';
import { Cleanup } from '../core/runtime/cleanup.ts';
import { messageOf } from '../core/runtime/errors.ts';
import { noMeter } from '../core/runtime/metrics.ts';
import { BatchService } from './intake/batch-service.ts';
import { Intake } from './intake/intake.ts';
import { InteractiveService } from './intake/interactive-service.ts';
import { Workload } from './intake/workload.ts';
import { endMachine, watchOwnEnd } from './lifecycle/own-end.ts';
import { Readiness } from './lifecycle/readiness.ts';
import { holdProtection } from './lifecycle/scale-in-protection.ts';
import { StatusReporter } from './lifecycle/status.ts';
import { Stop, type StopReason } from './lifecycle/stop.ts';
import { INTERACTIVE, makeTools } from './queue-tools.ts';
import type { WorkerOptions } from './worker-options.ts';

export interface WorkerSummary {
  reason: StopReason;
  /** Number of outcomes that this worker wrote. */
  imagesDone: number;
  /** Number of messages that it acknowledged, including those whose outcomes were in the ledger already. */
  batchesDone: number;
}

/**
 * Images that a worker holds for each runner before it stops receiving: two full requests in the runner, as many that wait for
 * it, so that no request is smaller, and as many for the time of a receive.
 */
export const IMAGES_PER_RUNNER = 3 * SMALL_BATCH;
const MESSAGES_PER_RUNNER = 24;

/**
 * Runs a worker until a signal ends it, or until it ends by itself as its options say. It leaves no timer, child process
 * or request.
 * @throws {ImgclsError} the permanent error that ended it (no queue, no access, a machine fault), after draining.
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
  cleanup.add(() => status.close());
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
    enoughImages: IMAGES_PER_RUNNER * runners,
    once: options.once ?? false,
    idleExitMs: options.idleExitMs,
  });
  const interactiveService = new InteractiveService({
    tools: interactive,
    stop,
    status,
    once: options.once ?? false,
  });
  const { leaseMs, liveness = new Liveness(clock) } = options;
  const shared = { workload, stop, force, liveness };
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
  cleanup.add(
    onAbort(drain, () => {
      stop.because('drained');
      workload.releaseUnbegun();
    }),
  );
  const { uncaught } = options;
  if (uncaught !== undefined) cleanup.add(onAbort(uncaught, () => stop.because('failed', uncaught.reason)));
  const { promise: forced, resolve: endByForce } = Promise.withResolvers<'forced'>();
  cleanup.add(onAbort(force, () => endByForce('forced')));
  const idleForMs = () => workload.idleForMs;
  const watching = watchOwnEnd({ ...options, output: cloud.output, idleForMs }, stop);
  cleanup.add(() => watching);
  const protecting = holdProtection({ ...options, idleForMs }, stop.signal);
  cleanup.add(() => protecting);

  log.info({ worker: id, runners }, 'Worker started.');
  // Start runners before the first message arrives: all of them if there is a model for them to load.
  batches.pool.expect(options.likelyModel === undefined ? 1 : Number.POSITIVE_INFINITY);
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
  await endMachine(options.machine, { reason, error: stop.error }, log);
  if (reason === 'failed') throw stop.error;
  return { reason, imagesDone, batchesDone };
}

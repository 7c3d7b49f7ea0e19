import { availableParallelism, hostname } from 'node:os';
import path from 'node:path';
import { findEc2Instance } from '../../app/ec2-instance.ts';
import { openLog } from '../../app/log.ts';
import { openMeter } from '../../app/meter.ts';
import { openCloud } from '../../app/open-cloud.ts';
import { openServiceNotifier } from '../../app/open-service-notifier.ts';
import { openOptimisedModels } from '../../app/optimised-models.ts';
import { runnerOptions } from '../../app/runners.ts';
import { openModelLibrary, selectJobModel } from '../../app/select-job-model.ts';
import { loadSettings, type RunSettings } from '../../app/settings.ts';
import { systemClock } from '../../app/system-clock.ts';
import { version } from '../../app/version.ts';
import { newWorkerId } from '../../app/worker-id.ts';
import { CONTROLLER_TIMING, noControllerExitMs } from '../../core/fleet/controller-timing.ts';
import { OWN_MACHINE_EXIT_MS } from '../../core/fleet/fleet.ts';
import { Liveness } from '../../core/fleet/liveness.ts';
import type { ModelRef } from '../../core/model/model.ts';
import { messageOf } from '../../core/runtime/errors.ts';
import type { Log } from '../../core/runtime/log.ts';
import { createModelFiles } from '../../model/fetch.ts';
import { runWorker } from '../../worker/worker.ts';
import { exitCode, exitCodeOf, printError } from '../terminal/exit.ts';
import { endOnUncaughtError } from '../terminal/last-resort.ts';

/** Flags of `imgcls worker`, as parsed. */
export interface WorkerFlags {
  once?: boolean;
  idleExit?: number;
  runners?: number;
  id?: string;
  managed?: boolean;
  powerOffFile?: string;
  cluster?: string;
  dataDir?: string;
}

/**
 * Runs `imgcls worker` until it drains: after a signal, without work or without a controller.
 * @returns the exit code.
 */
export async function worker(flags: WorkerFlags): Promise<number> {
  const { runners, cluster, dataDir } = flags;
  const { settings } = loadSettings({ runners, cluster, dataDir });
  const log = openLog(settings);
  const { drain, force, release } = listenForSignals(log);
  const manager = openServiceNotifier(process.env, (text) => log.warn({}, text));
  const liveness = new Liveness(systemClock);
  const group = settings.fleet === 'asg' ? settings.autoScalingGroup : undefined;
  const isManagedOnAws = flags.managed === true && settings.cloud === 'aws';
  const machine = isManagedOnAws
    ? await findEc2Instance({ group, powerOffFile: flags.powerOffFile })
    : undefined;
  if (isManagedOnAws && machine === undefined) {
    log.warn(
      {},
      'No instance metadata. The controller cannot match this worker to its instance. Allow IMDSv2 (in a container, with hop limit 2).',
    );
  }
  const withoutMs =
    machine === undefined ? noControllerExitMs(CONTROLLER_TIMING[settings.cloud]) : OWN_MACHINE_EXIT_MS;
  const likelyModel = await findLikelyModel(settings, log, flags.once ?? false);
  const uncaught = new AbortController();
  endOnUncaughtError(log, (error) => uncaught.abort(error));
  const runner = runnerOptions(settings);
  const workerId = flags.id ?? machine?.id ?? newWorkerId();
  const { meter, close: closeMeter } = openMeter(settings, { worker: workerId });
  const cloud = await openCloud(settings);
  try {
    await runWorker({
      cloud,
      workerId,
      host: hostname(),
      version,
      runners: settings.runners ?? availableParallelism(),
      runnerEntry: runner.entry,
      runnerArgs: runner.args,
      runnersUnder: runner.under,
      runnerLimits: runner.limits,
      models: createModelFiles({
        library: openModelLibrary(settings),
        output: cloud.output,
        cacheDir: path.join(settings.dataDir, 'model-cache'),
        optimised: openOptimisedModels(settings),
        version,
        log,
      }),
      ...(likelyModel && { likelyModel }),
      topK: settings.topK,
      clock: systemClock,
      log,
      meter,
      leaseMs: 1000 * settings.leaseSeconds,
      maxImageBytes: settings.maxImageBytes,
      once: flags.once ?? false,
      ...(flags.idleExit !== undefined && { idleExitMs: flags.idleExit }),
      ...(flags.managed === true && {
        exitWithoutControllerMs: withoutMs,
        maxLifetimeMs: 1000 * settings.maxLifetimeSeconds,
      }),
      ...(machine && { machine }),
      liveness,
      onReady: () => manager.ready('Receiving messages.', () => liveness.stalled()),
      onStopping: (reason) => manager.stopping(`Draining (${reason}).`),
      uncaught: uncaught.signal,
      drain,
      force,
    });
    return exitCode.done;
  } catch (error) {
    printError(error);
    log.error({ worker: workerId, error }, 'Worker failed.');
    return exitCodeOf(error);
  } finally {
    release();
    closeMeter();
    await cloud.close();
    await manager.close();
  }
}

/**
 * The model to preload. Undefined without a default model: jobs name their own.
 * @throws {ImgclsError} if the settings name a model that is not installed and the worker runs once: its warning would come
 *   too late.
 */
async function findLikelyModel(
  settings: RunSettings,
  log: Log,
  isOnce: boolean,
): Promise<ModelRef | undefined> {
  try {
    return (await selectJobModel(settings)).ref;
  } catch (error) {
    if (settings.model === undefined) return undefined;
    if (isOnce) throw error;
    const fields = { model: settings.model, error: messageOf(error) };
    log.warn(
      fields,
      'The model in the settings is not installed. Jobs must name a model that the cluster has.',
    );
    return undefined;
  }
}

/** The first signal drains the worker, the second ends it at once. */
function listenForSignals(log: Log) {
  const drain = new AbortController();
  const force = new AbortController();
  const onSignal = (signal: string) => {
    log.info(
      { signal },
      drain.signal.aborted ? 'Received a second signal, ending at once.' : 'Received a signal, draining.',
    );
    if (drain.signal.aborted) force.abort();
    else drain.abort();
  };
  const signals = ['SIGTERM', 'SIGINT'] as const;
  for (const signal of signals) process.on(signal, onSignal);
  return {
    drain: drain.signal,
    force: force.signal,
    release() {
      for (const signal of signals) process.off(signal, onSignal);
    },
  };
}

import type { Store } from '../../core/cloud/ports.ts';
import type { OwnMachine } from '../../core/fleet/machine.ts';
import type { Clock } from '../../core/runtime/clock.ts';
import { messageOf } from '../../core/runtime/errors.ts';
import type { Log } from '../../core/runtime/log.ts';
import { MachineFaultError } from '../../core/runtime/machine-fault.ts';
import { untilNoController } from './controller-watch.ts';
import type { Stop, StopReason } from './stop.ts';

export interface OwnEndOptions {
  output: Store;
  clock: Clock;
  log: Log;
  machine?: OwnMachine;
  /** End after so long without a live controller. */
  exitWithoutControllerMs?: number;
  /** End after so long. */
  maxLifetimeMs?: number;
  /** How long no message has been held; 0 while one is. */
  idleForMs(): number;
}

/**
 * Ends the worker when its machine is interrupted, when it reaches its maximum lifetime, or when no controller is alive.
 * On a machine of its own, a worker without a controller goes on as long as it receives work.
 */
export async function watchOwnEnd(options: OwnEndOptions, stop: Stop): Promise<void> {
  await Promise.all([
    watchMachine(options, stop),
    watchLifetime(options, stop),
    watchController(options, stop),
  ]);
}

async function watchMachine({ machine, log }: OwnEndOptions, stop: Stop): Promise<void> {
  const noteRebalance = () =>
    log.info({}, 'EC2 recommends to replace this spot instance. It goes on until EC2 reclaims it.');
  if (!(await machine?.isReclaimed(stop.signal, noteRebalance))) return;
  log.info({}, 'Received an interruption notice for this machine.');
  stop.because('spot_notice');
}

async function watchLifetime({ clock, log, maxLifetimeMs }: OwnEndOptions, stop: Stop): Promise<void> {
  if (maxLifetimeMs === undefined) return;
  await clock.sleep(maxLifetimeMs, stop.signal);
  if (stop.signal.aborted) return;
  log.info({ maxLifetimeMs }, 'Worker reached its maximum lifetime.');
  stop.because('lifetime');
}

async function watchController(options: OwnEndOptions, stop: Stop): Promise<void> {
  const { output, clock, log, machine, exitWithoutControllerMs: withoutMs, idleForMs } = options;
  if (withoutMs === undefined) return;
  while (await untilNoController({ output, clock, withoutMs, signal: stop.signal })) {
    if (machine !== undefined && idleForMs() < withoutMs) continue;
    log.info({ withoutMs }, 'No live controller found.');
    stop.because('no_controller');
    return;
  }
}

/** Exit reasons after which the machine should end. After the others, something else ends the machine or restarts the worker. */
const ENDS_MACHINE: readonly StopReason[] = ['idle', 'no_controller', 'outdated', 'spot_notice', 'lifetime'];

/** Ends the machine with its worker, except after a signal or an error of the cluster. A machine that failed is replaced. */
export async function endMachine(
  machine: OwnMachine | undefined,
  { reason, error }: { reason: StopReason; error: unknown },
  log: Log,
): Promise<void> {
  const hasFailed = reason === 'failed' && error instanceof MachineFaultError;
  if (machine === undefined || !(hasFailed || ENDS_MACHINE.includes(reason))) return;
  log.info({ machine: machine.id, reason }, 'Ending the machine of this worker.');
  try {
    await machine.end();
  } catch (error) {
    log.error(
      { machine: machine.id, error: messageOf(error) },
      'Failed to end the machine; it still costs money. Allow it the action in the error. A controller ends it later.',
    );
  }
}

import type { Store } from '../../core/cloud/ports.ts';
import type { OwnMachine } from '../../core/fleet/machine.ts';
import type { Clock } from '../../core/runtime/clock.ts';
import { messageOf } from '../../core/runtime/errors.ts';
import type { Log } from '../../core/runtime/log.ts';
import { untilNoController } from './controller-watch.ts';
import type { Stop, StopReason } from './stop.ts';

export interface OwnEndOptions {
  output: Store;
  clock: Clock;
  log: Log;
  machine?: OwnMachine;
  /** End after the controller lock was nobody's for so long. */
  exitWithoutControllerMs?: number;
  /** End after so long. */
  maxLifetimeMs?: number;
  /** How long nothing has been in hand; 0 while something is. */
  idleForMs(): number;
}

/**
 * What makes a worker of a fleet end although nobody told it to: its machine is taken back, it has lived for long
 * enough, or no controller is left. On a machine of its own it works on without a controller as long as work comes.
 */
export async function watchOwnEnd(options: OwnEndOptions, stop: Stop): Promise<void> {
  await Promise.all([
    watchMachine(options, stop),
    watchLifetime(options, stop),
    watchController(options, stop),
  ]);
}

async function watchMachine({ machine, log }: OwnEndOptions, stop: Stop): Promise<void> {
  const interruption = await machine?.interruption(stop.signal);
  if (interruption === undefined) return;
  log.info({ interruption }, 'The machine is about to be taken back.');
  stop.because(interruption === 'spot' ? 'spot_notice' : 'rebalance');
}

async function watchLifetime({ clock, log, maxLifetimeMs }: OwnEndOptions, stop: Stop): Promise<void> {
  if (maxLifetimeMs === undefined) return;
  await clock.sleep(maxLifetimeMs, stop.signal);
  if (stop.signal.aborted) return;
  log.info({ maxLifetimeMs }, 'The worker has lived for as long as it may.');
  stop.because('lifetime');
}

async function watchController(options: OwnEndOptions, stop: Stop): Promise<void> {
  const { output, clock, log, machine, exitWithoutControllerMs: withoutMs, idleForMs } = options;
  if (withoutMs === undefined) return;
  while (await untilNoController({ output, clock, withoutMs, signal: stop.signal })) {
    if (machine !== undefined && idleForMs() < withoutMs) continue;
    log.info({ withoutMs }, 'No controller is there any more.');
    stop.because('no_controller');
    return;
  }
}

/** Ends that leave a machine with nothing to do; after the others it is stopped, or started again, by whoever ended the worker. */
const ENDS_MACHINE: readonly StopReason[] = [
  'idle',
  'no_controller',
  'outdated',
  'spot_notice',
  'rebalance',
  'lifetime',
];

/** The machine ends with its worker, unless somebody else ended that. */
export async function endMachine(
  machine: OwnMachine | undefined,
  reason: StopReason,
  log: Log,
): Promise<void> {
  if (machine === undefined || !ENDS_MACHINE.includes(reason)) return;
  log.info({ machine: machine.id, reason }, 'The machine ends with its worker.');
  try {
    await machine.end();
  } catch (error) {
    log.error(
      { machine: machine.id, error: messageOf(error) },
      'The machine goes on and costs money: allow it the action that is named. A controller ends it after a while.',
    );
  }
}

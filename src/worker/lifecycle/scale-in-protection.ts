import type { OwnMachine } from '../../core/fleet/machine.ts';
import type { Clock } from '../../core/runtime/clock.ts';
import { messageOf } from '../../core/runtime/errors.ts';
import type { Log } from '../../core/runtime/log.ts';

export interface ProtectionOptions {
  machine?: Pick<OwnMachine, 'id' | 'protect'>;
  clock: Clock;
  log: Log;
  /** How long no message has been held; 0 while one is. */
  idleForMs(): number;
}

const CHECK_MS = 1000;
/** Kept so long after the last message, so that many small messages cause one change. */
const RELEASE_AFTER_MS = 30_000;
/** Auto Scaling is likely to refuse the same request again within seconds. */
const RETRY_MS = 15_000;

/**
 * Protects the machine from scale-in while the worker holds messages, until the signal aborts; then the protection stays as
 * it is. A new worker does not know what its predecessor left, so it always sets the protection. A failure is only logged:
 * the messages of a lost machine are redelivered when their leases expire.
 */
export async function holdProtection(options: ProtectionOptions, signal: AbortSignal): Promise<void> {
  const { machine, clock, log, idleForMs } = options;
  if (machine?.protect === undefined) return;
  let isProtected: boolean | undefined;
  let hasFailed = false;
  while (!signal.aborted) {
    await clock.sleep(hasFailed ? RETRY_MS : CHECK_MS, signal);
    if (signal.aborted) return;
    const wanted = isWanted(idleForMs(), isProtected);
    if (wanted === isProtected) continue;
    try {
      await machine.protect(wanted === true, signal);
      isProtected = wanted;
      hasFailed = false;
    } catch (error) {
      if (signal.aborted) return;
      if (!hasFailed)
        log.warn(
          { machine: machine.id, error: messageOf(error) },
          'Failed to set scale-in protection; Auto Scaling may end this machine while it is working.',
        );
      hasFailed = true;
    }
  }
}

/** True if there was work since the last check. Unchanged for a while after the last work. */
function isWanted(idleMs: number, isProtected: boolean | undefined): boolean | undefined {
  if (idleMs < CHECK_MS) return true;
  return idleMs >= RELEASE_AFTER_MS ? false : isProtected;
}

import type { OwnMachine } from '../../core/fleet/machine.ts';
import type { Clock } from '../../core/runtime/clock.ts';
import { messageOf } from '../../core/runtime/errors.ts';
import type { Log } from '../../core/runtime/log.ts';

export interface ProtectionOptions {
  machine?: Pick<OwnMachine, 'id' | 'protect'>;
  clock: Clock;
  log: Log;
  /** How long nothing has been in hand; 0 while something is. */
  idleForMs(): number;
}

const LOOK_MS = 1000;
/** Held so long after the last message, so that many small ones are one matter. */
const RELEASE_AFTER_MS = 30_000;
/** What Auto Scaling refused it refuses a second later, too. */
const RETRY_MS = 15_000;

/**
 * Protects the machine from scale-in while messages are in hand, until the signal aborts; what is held then stays held. A
 * worker that starts knows nothing of what one before it may have left, and says it anew. Failing stops nothing: leases
 * bring back what a machine took with it.
 */
export async function holdProtection(options: ProtectionOptions, signal: AbortSignal): Promise<void> {
  const { machine, clock, log, idleForMs } = options;
  if (machine?.protect === undefined) return;
  let held: boolean | undefined;
  let hasFailed = false;
  while (!signal.aborted) {
    await clock.sleep(hasFailed ? RETRY_MS : LOOK_MS, signal);
    if (signal.aborted) return;
    const wanted = isWanted(idleForMs(), held);
    if (wanted === held) continue;
    try {
      await machine.protect(wanted === true, signal);
      held = wanted;
      hasFailed = false;
    } catch (error) {
      if (signal.aborted) return;
      if (!hasFailed)
        log.warn({ machine: machine.id, error: messageOf(error) }, 'Scale-in may end this machine at work.');
      hasFailed = true;
    }
  }
}

/** Work since the last look counts; shortly after it things stay as they are. */
function isWanted(idleMs: number, held: boolean | undefined): boolean | undefined {
  if (idleMs < LOOK_MS) return true;
  return idleMs >= RELEASE_AFTER_MS ? false : held;
}

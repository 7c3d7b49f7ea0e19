import { writeFile } from 'node:fs/promises';
import { setPriority } from 'node:os';
import type { Clock } from '../../core/runtime/clock.ts';

/** Linux accepts one autogroup change per tenth of a second from all unprivileged processes together. */
const PAUSE_MS = 150;
const TRIES = 20;

/**
 * Sets the niceness of a new process, from 0 (normal) to 19. The parent calls it right after the start: on Linux only
 * threads that start later inherit it. If the system does not allow it, the process keeps its normal priority.
 */
export async function lowerPriority(
  pid: number,
  niceness: number,
  clock: Pick<Clock, 'sleep'>,
): Promise<void> {
  if (niceness === 0) return;
  try {
    setPriority(pid, niceness);
    // With autogroups, Linux shares the processor among sessions first, and a runner is a session of its own.
    if (process.platform === 'linux') await setAutogroupNiceness(pid, niceness, clock);
  } catch {
    // The process has ended, or the system has no autogroups.
  }
}

async function setAutogroupNiceness(
  pid: number,
  niceness: number,
  clock: Pick<Clock, 'sleep'>,
): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await writeFile(`/proc/${pid}/autogroup`, String(niceness));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || tries === TRIES) throw error;
    }
    await clock.sleep(PAUSE_MS);
  }
}

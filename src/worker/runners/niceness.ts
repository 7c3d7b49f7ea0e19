import { writeFile } from 'node:fs/promises';
import { setPriority } from 'node:os';
import type { Clock } from '../../core/runtime/clock.ts';

/** Linux takes one change in a tenth of a second, of all processes together, from those without privileges. */
const PAUSE_MS = 150;
const TRIES = 20;

/**
 * Makes a new process stand back behind others, by so much of 0 (as they do) to 19. To be called by its parent at its
 * start: on Linux only threads that are made afterwards stand back with it. Where the system does not let us, the process
 * works as any other.
 */
export async function lowerPriority(
  pid: number,
  niceness: number,
  clock: Pick<Clock, 'sleep'>,
): Promise<void> {
  if (niceness === 0) return;
  try {
    setPriority(pid, niceness);
    // A Linux with autogroups shares the processor among sessions first, and a runner is a session of its own.
    if (process.platform === 'linux') await standBackAsSession(pid, niceness, clock);
  } catch {
    // It has ended, or the system has no such thing.
  }
}

async function standBackAsSession(pid: number, niceness: number, clock: Pick<Clock, 'sleep'>): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await writeFile(`/proc/${pid}/autogroup`, String(niceness));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || tries === TRIES) throw error;
    }
    await clock.sleep(PAUSE_MS);
  }
}

// Heartbeats for the health check of a container: a file that is written while this process is well.

import { rm, writeFile } from 'node:fs/promises';
import type { Clock } from '../core/runtime/clock.ts';
import { messageOf } from '../core/runtime/errors.ts';
import { type ServiceNotifier, sendHeartbeats } from './service-notifier.ts';

const VARIABLE = 'HEARTBEAT_FILE';
/** The health check of deploy/container calls a file of a minute old. */
const HEARTBEAT_MS = 10_000;

/**
 * Reads the file's name and removes it from the environment, so that child processes do not vouch for this one.
 * @returns undefined where no file is named.
 */
export function openHeartbeatFile(
  env: NodeJS.ProcessEnv,
  warn: (text: string) => void,
  clock: Pick<Clock, 'sleep'>,
): ServiceNotifier | undefined {
  const file = env[VARIABLE];
  delete env[VARIABLE];
  if (file === undefined || file === '') return undefined;
  const closing = new AbortController();
  let heartbeats = Promise.resolve();
  return {
    ready(_status, stalled) {
      heartbeats = sendHeartbeats({
        everyMs: HEARTBEAT_MS,
        stalled,
        send: () => write(file, warn),
        warn: (loops) => warn(`Stalled: ${loops}. The container's health check will fail.`),
        clock,
        signal: closing.signal,
      });
    },
    stopping() {},
    async close() {
      closing.abort();
      await heartbeats;
      await rm(file, { force: true });
    },
  };
}

async function write(file: string, warn: (text: string) => void): Promise<void> {
  try {
    await writeFile(file, '');
  } catch (error) {
    warn(`Cannot write ${file}, so the container's health check will fail: ${messageOf(error)}`);
  }
}

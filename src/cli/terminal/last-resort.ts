import type { Log } from '../../core/runtime/log.ts';

/** The most time for ending in good order: after an uncaught error nothing is certain to work. */
const END_MS = 10_000;

/**
 * Ends a long-running process with code 1 after an error that no code caught, or a rejection that no code handled. Such an
 * error would otherwise end it at once, with a bare stack in place of a log line.
 * @param end gives back what the process holds, and ends it. Without it the process ends at once.
 */
export function endOnUncaughtError(log: Log, end?: (error: unknown) => void): void {
  let isEnding = false;
  process.on('uncaughtException', (error) => {
    log.error({ error }, 'Uncaught error. The process ends.');
    process.exitCode = 1;
    if (isEnding || end === undefined) process.exit();
    isEnding = true;
    setTimeout(() => process.exit(), END_MS).unref();
    end(error);
  });
}

import type { Clock } from '../core/runtime/clock.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import { retry } from '../core/runtime/retry.ts';

export interface ReadTools {
  clock: Pick<Clock, 'sleep'>;
  /** 0 (inclusive) to 1 (exclusive). */
  random(): number;
  /** Called with each error that is retried. */
  onTransient?(error: unknown): void;
  signal?: AbortSignal;
}

/** What this machine lacks for a moment. That says nothing about the file. */
const SHORTAGES: Readonly<Record<string, string>> = {
  EMFILE: 'too many files are open in this process',
  ENFILE: 'too many files are open on this machine',
  ENOMEM: 'this machine has no free memory',
  EAGAIN: 'this machine is short of resources',
};

/** Half a minute in all: other reads and uploads of this process release their files within seconds. */
const RETRIES = { baseMs: 50, maxMs: 1000, maxRetries: 60 };

class ShortageError extends ImgclsError {}

export const isShortage = (error: unknown): boolean =>
  String((error as { code?: unknown } | null)?.code) in SHORTAGES;

/**
 * Runs an operation on a file or folder. Retries it while this machine lacks file descriptors or memory.
 * @throws {ImgclsError} of kind `transient` if they are still missing after half a minute.
 */
export const retryShortage = <T>(path: string, operation: () => Promise<T>, tools: ReadTools): Promise<T> =>
  retry(
    async () => {
      try {
        return await operation();
      } catch (error) {
        throw isShortage(error) ? shortageError(path, error as NodeJS.ErrnoException) : error;
      }
    },
    { ...RETRIES, mayRetry: (error) => error instanceof ShortageError },
    { ...tools, ...(tools.onTransient && { onRetry: tools.onTransient }) },
  );

const shortageError = (path: string, cause: NodeJS.ErrnoException): ShortageError =>
  new ShortageError('transient', `Cannot read ${path}: ${SHORTAGES[cause.code ?? '']}.`, {
    hint: 'Raise the limit of open files ("ulimit -n 1024"), lower --concurrency, or end other programs.',
    cause,
  });

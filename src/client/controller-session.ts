import { onAbort } from '../core/runtime/abort.ts';

/** Keeps workers running while a caller waits. On AWS the cluster's own controller does that. */
export interface ControllerSession {
  /** Aborts, with the reason, when workers cannot be kept running. */
  failed: AbortSignal;
  /** Ends the session. @param abandoned unfinished jobs that no caller waits for any more. */
  leave(abandoned: readonly string[]): Promise<void>;
}

/**
 * A session that begins when workers are needed: a job whose images are all known starts none.
 * @param needed aborts at that moment. Absent: workers are needed now.
 */
export function joinWhenNeeded(
  join: () => ControllerSession,
  needed: AbortSignal | undefined,
): ControllerSession {
  if (needed === undefined) return join();
  const failed = new AbortController();
  let session: ControllerSession | undefined;
  const forget = onAbort(needed, () => {
    const joined = join();
    onAbort(joined.failed, () => failed.abort(joined.failed.reason));
    session = joined;
  });
  return {
    failed: failed.signal,
    async leave(abandoned) {
      forget();
      await session?.leave(abandoned);
    },
  };
}

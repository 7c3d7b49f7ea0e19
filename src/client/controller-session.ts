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

/** The session of a client that lives long: it begins when workers are first needed, and anew after it has failed. */
export class RenewedSession {
  readonly #begin: () => ControllerSession;
  #session: Promise<ControllerSession> | undefined;

  constructor(begin: () => ControllerSession) {
    this.#begin = begin;
  }

  /** The present one; after a failure a new one, once the failed one has ended. */
  async join(): Promise<ControllerSession> {
    const known = this.#session;
    const isOver = known !== undefined && (await known).failed.aborted;
    // Another call may have begun a new one meanwhile.
    if (isOver && this.#session === known) this.#session = this.#endOf(known).then(this.#begin);
    this.#session ??= Promise.resolve(this.#begin());
    return await this.#session;
  }

  /** Ends it. */
  async leave(): Promise<void> {
    await (await this.#session)?.leave([]);
  }

  /** What has failed may fail again at its end, and no caller waits for that. */
  async #endOf(session: Promise<ControllerSession>): Promise<void> {
    await (await session).leave([]).catch(() => {});
  }
}

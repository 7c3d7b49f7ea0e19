/** Operations in the background, at most `limit` at a time. After the first failure none is started. */
export class InFlight {
  readonly #limit: number;
  readonly #running = new Set<Promise<void>>();
  readonly #failed = new AbortController();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Aborts, with the reason, when an operation fails. */
  get failed(): AbortSignal {
    return this.#failed.signal;
  }

  /** Starts the operation, once there is room. @throws the reason of the first failure. */
  async start(operation: () => Promise<void>): Promise<void> {
    while (this.#running.size >= this.#limit) await Promise.race(this.#running);
    this.failed.throwIfAborted();
    const running = operation()
      .catch((error: unknown) => this.#failed.abort(error))
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Resolves when all have ended. @throws the reason of the first failure. */
  async end(): Promise<void> {
    await Promise.all(this.#running);
    this.failed.throwIfAborted();
  }
}

/** Why a worker ended. */
export type StopReason =
  | 'drained'
  | 'forced'
  | 'idle'
  | 'queue_empty'
  | 'no_controller'
  | 'spot_notice'
  | 'lifetime'
  | 'outdated'
  | 'failed';

/** A worker's decision to stop. Only the first reason counts. */
export class Stop {
  readonly #controller = new AbortController();
  #reason: StopReason | undefined;
  #error: unknown;

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get reason(): StopReason | undefined {
    return this.#reason;
  }

  /** The error, if the reason is `failed`. */
  get error(): unknown {
    return this.#error;
  }

  because(reason: StopReason, error?: unknown): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#error = error;
    this.#controller.abort(new Error(`The worker ends: ${reason}.`));
  }
}

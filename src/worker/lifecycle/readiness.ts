type Milestone = 'runtimeLoadedMs' | 'modelReadyMs';

/** Tells once that the worker can answer at once: its runners have the model that jobs will most likely name. */
export class Readiness {
  readonly #onReady: () => void;
  readonly #reached = new Set<Milestone>();
  #awaited: Milestone = 'modelReadyMs';
  #isTold = false;

  constructor(onReady: () => void) {
    this.#onReady = onReady;
  }

  reached(milestone: Milestone): void {
    this.#reached.add(milestone);
    this.#look();
  }

  /** No model is loaded before a job names one: runners that could load it are enough. */
  withoutModel(): void {
    this.#awaited = 'runtimeLoadedMs';
    this.#look();
  }

  #look(): void {
    if (this.#isTold || !this.#reached.has(this.#awaited)) return;
    this.#isTold = true;
    this.#onReady();
  }
}

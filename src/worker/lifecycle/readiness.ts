type Milestone = 'runtimeLoadedMs' | 'modelReadyMs';

/** Calls `onReady` once: when the runners have loaded the model that jobs will most likely name. */
export class Readiness {
  readonly #onReady: () => void;
  readonly #reached = new Set<Milestone>();
  #awaited: Milestone = 'modelReadyMs';
  #hasCalled = false;

  constructor(onReady: () => void) {
    this.#onReady = onReady;
  }

  reached(milestone: Milestone): void {
    this.#reached.add(milestone);
    this.#check();
  }

  /** No model is preloaded: runners that could load one are enough. */
  withoutModel(): void {
    this.#awaited = 'runtimeLoadedMs';
    this.#check();
  }

  #check(): void {
    if (this.#hasCalled || !this.#reached.has(this.#awaited)) return;
    this.#hasCalled = true;
    this.#onReady();
  }
}

import { onAbort } from './abort.ts';

interface WaitingEntry<T> {
  what: T;
  admit(): void;
}

/** A queue of callers that wait for something, first come first served. */
export class WaitingLine<T> {
  readonly #places: WaitingEntry<T>[] = [];
  readonly #onLeave: () => void;

  /** @param onLeave called when a waiting caller aborts: the next one may be admitted. */
  constructor(onLeave: () => void) {
    this.#onLeave = onLeave;
  }

  /** What the first caller waits for. */
  get first(): T | undefined {
    return this.#places[0]?.what;
  }

  /** Resolves when the caller is admitted. Rejects with the signal's reason if the signal aborts first. */
  wait(what: T, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const place: WaitingEntry<T> = {
        what,
        admit: () => {
          removeListener();
          resolve();
        },
      };
      const removeListener = onAbort(signal, () => {
        const at = this.#places.indexOf(place);
        if (at < 0) return;
        this.#places.splice(at, 1);
        reject(signal.reason);
        this.#onLeave();
      });
      this.#places.push(place);
    });
  }

  admitFirst(): void {
    this.#places.shift()?.admit();
  }
}

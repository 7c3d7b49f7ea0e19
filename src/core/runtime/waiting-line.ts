import { onAbort } from './abort.ts';

interface WaitingEntry<T> {
  what: T;
  admit(): void;
}

/** Those who wait for something, first come first served. */
export class WaitingLine<T> {
  readonly #places: WaitingEntry<T>[] = [];
  readonly #onLeave: () => void;

  /** @param onLeave somebody has stopped waiting: those behind may have their turn. */
  constructor(onLeave: () => void) {
    this.#onLeave = onLeave;
  }

  /** What the first in the line waits for. */
  get first(): T | undefined {
    return this.#places[0]?.what;
  }

  /** Resolves when it is admitted; rejects with the signal's reason when that aborts first. */
  wait(what: T, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const place: WaitingEntry<T> = {
        what,
        admit: () => {
          forget();
          resolve();
        },
      };
      const forget = onAbort(signal, () => {
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

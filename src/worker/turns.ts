import { onAbort } from './abort.ts';

interface Waiting {
  alone: boolean;
  grant(): void;
}

/** Batches take a turn together with others, or alone; in the order in which they ask, so that none waits for ever. */
export class Turns {
  #together = 0;
  #alone = false;
  readonly #waiting: Waiting[] = [];

  /** Answers how to end the turn. Rejects with the signal's reason when that aborts before the turn has come. */
  async take(alone: boolean, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const waiting: Waiting = {
        alone,
        grant: () => {
          forget();
          resolve();
        },
      };
      const forget = onAbort(signal, () => {
        const place = this.#waiting.indexOf(waiting);
        if (place < 0) return;
        this.#waiting.splice(place, 1);
        reject(signal.reason);
        this.#grant();
      });
      this.#waiting.push(waiting);
      this.#grant();
    });
    return () => {
      if (alone) this.#alone = false;
      else this.#together--;
      this.#grant();
    };
  }

  #grant(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (this.#alone || (next.alone && this.#together > 0)) return;
      this.#waiting.shift();
      if (next.alone) this.#alone = true;
      else this.#together++;
      next.grant();
    }
  }
}

import { onAbort } from './abort.ts';

interface Waiting {
  amount: number;
  grant(): void;
}

/**
 * So much of something (bytes of memory, connections) at a time, first come first served.
 * What is larger than all there is gets it when nobody else has any, so that nothing waits for ever.
 */
export class Budget {
  readonly #limit: number;
  #used = 0;
  readonly #waiting: Waiting[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  get used(): number {
    return this.#used;
  }

  /** Takes it if it is there and nobody came before. */
  tryTake(amount: number): boolean {
    if (this.#waiting.length > 0 || !this.#fits(amount)) return false;
    this.#used += amount;
    return true;
  }

  /** Rejects with the signal's reason when that aborts first; nothing is taken then. */
  async take(amount: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.tryTake(amount)) return;
    await new Promise<void>((resolve, reject) => {
      const waiting: Waiting = {
        amount,
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
    });
  }

  give(amount: number): void {
    this.#used -= amount;
    this.#grant();
  }

  #fits(amount: number): boolean {
    return this.#used === 0 || this.#used + amount <= this.#limit;
  }

  #grant(): void {
    for (
      let next = this.#waiting[0];
      next !== undefined && this.#fits(next.amount);
      next = this.#waiting[0]
    ) {
      this.#waiting.shift();
      this.#used += next.amount;
      next.grant();
    }
  }
}

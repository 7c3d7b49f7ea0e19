import { WaitingLine } from './waiting-line.ts';

/**
 * Limits how much of something (bytes of memory, connections) is in use, first come first served.
 * An amount above the limit is granted when nothing else is in use, so that it does not wait for ever.
 */
export class Budget {
  readonly #limit: number;
  #used = 0;
  readonly #line = new WaitingLine<number>(() => this.#grant());

  constructor(limit: number) {
    this.#limit = limit;
  }

  get used(): number {
    return this.#used;
  }

  /** Takes the amount if it is free and nothing waits for its turn. */
  tryTake(amount: number): boolean {
    if (this.#line.first !== undefined || !this.#fits(amount)) return false;
    this.#used += amount;
    return true;
  }

  /** Waits for the amount. Rejects with the signal's reason, and takes nothing, if the signal aborts first. */
  async take(amount: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (!this.tryTake(amount)) await this.#line.wait(amount, signal);
  }

  give(amount: number): void {
    this.#used -= amount;
    this.#grant();
  }

  #fits(amount: number): boolean {
    return this.#used === 0 || this.#used + amount <= this.#limit;
  }

  #grant(): void {
    for (let next = this.#line.first; next !== undefined && this.#fits(next); next = this.#line.first) {
      this.#used += next;
      this.#line.admitFirst();
    }
  }
}

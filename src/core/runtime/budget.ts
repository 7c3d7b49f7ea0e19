import { WaitingLine } from './waiting-line.ts';

/**
 * So much of something (bytes of memory, connections) at a time, first come first served.
 * What is larger than all there is gets it when nobody else has any, so that nothing waits for ever.
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

  /** Takes it if it is there and nobody came before. */
  tryTake(amount: number): boolean {
    if (this.#line.first !== undefined || !this.#fits(amount)) return false;
    this.#used += amount;
    return true;
  }

  /** Rejects with the signal's reason when that aborts first; nothing is taken then. */
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

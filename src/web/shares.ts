import { CALLER_SHARE } from './limits.ts';
import { HttpProblem } from './problem.ts';

export interface SharesOptions {
  /** What all callers can take together. One caller can take {@link CALLER_SHARE} of it, and at least 1. */
  total: number;
  /** What there is too much of, for the refused caller. */
  what: string;
  retryAfterSeconds: number;
}

/** Places or bytes that callers take and give back. */
export class Shares {
  readonly #options: SharesOptions;
  readonly #ofOneCaller: number;
  readonly #byCaller = new Map<string, number>();
  #taken = 0;

  constructor(options: SharesOptions) {
    this.#options = options;
    this.#ofOneCaller = Math.max(1, Math.floor(CALLER_SHARE * options.total));
  }

  /** @throws {HttpProblem} if the caller has its share already (429), or all is taken (503). */
  take(caller: string, amount: number): void {
    const { total, what, retryAfterSeconds } = this.#options;
    const headers = { 'retry-after': String(retryAfterSeconds) };
    const own = (this.#byCaller.get(caller) ?? 0) + amount;
    if (own > this.#ofOneCaller) {
      const limit = `One address can have ${this.#ofOneCaller}`;
      throw new HttpProblem(429, `Your address has too many ${what}. ${limit}.`, { headers });
    }
    if (this.#taken + amount > total)
      throw new HttpProblem(503, `The service has too many ${what}.`, {
        hint: 'Try again later.',
        headers,
      });
    this.#byCaller.set(caller, own);
    this.#taken += amount;
  }

  giveBack(caller: string, amount: number): void {
    const own = (this.#byCaller.get(caller) ?? 0) - amount;
    if (own > 0) this.#byCaller.set(caller, own);
    else this.#byCaller.delete(caller);
    this.#taken -= amount;
  }
}

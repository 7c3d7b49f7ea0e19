import type { Clock } from '../../core/clock.ts';
import type { Pool, Refusal } from '../../core/ec2.ts';

/** A pool that had no capacity has some again in minutes rather than in seconds. */
const AVOID_MS = 5 * 60_000;

const nameOf = ({ instanceType = '', subnet = '' }: Pool): string => `${instanceType} ${subnet}`;

/** Pools that refused lately and are left out for a while; all of them are tried again when there is no other. */
export class RefusedPools {
  readonly #clock: Clock;
  readonly #until = new Map<string, number>();
  #why = 'no pool has capacity';

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What was said last. */
  get why(): string {
    return this.#why;
  }

  /** @param asked the pools that were asked: one that is not named in the refusal may be any of them. */
  add(refusals: readonly Refusal[], asked: readonly Pool[]): void {
    for (const { pool, why } of refusals) {
      this.#why = why;
      const only = asked.length === 1 ? asked[0] : undefined;
      const refused = pool ?? only;
      if (refused !== undefined) this.#until.set(nameOf(refused), this.#clock.monotonicMs() + AVOID_MS);
    }
  }

  without(pools: readonly Pool[]): Pool[] {
    const nowMs = this.#clock.monotonicMs();
    return pools.filter((pool) => (this.#until.get(nameOf(pool)) ?? Number.NEGATIVE_INFINITY) <= nowMs);
  }
}

import type { Pool, Refusal } from '../../core/aws-account/ec2.ts';
import type { Clock } from '../../core/runtime/clock.ts';

/** A pool that had no capacity has some again in minutes rather than in seconds. */
const AVOID_MS = 5 * 60_000;
/** Where there is no other pool, waiting so long would stop all work. */
const AVOID_ALL_MS = 30_000;

const nameOf = ({ instanceType = '', subnet = '' }: Pool): string => `${instanceType} ${subnet}`;

/** Pools that refused lately and are left out for a while: a shorter one where there is no other. */
export class RefusedPools {
  readonly #clock: Clock;
  readonly #refusedAtMs = new Map<string, number>();
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
    for (const { pool, code, why } of refusals) {
      this.#why = why;
      // A limit of the account on spot says nothing about the pool, which may have on-demand capacity.
      if (code.includes('Spot')) continue;
      const only = asked.length === 1 ? asked[0] : undefined;
      const refused = pool ?? only;
      if (refused !== undefined) this.#refusedAtMs.set(nameOf(refused), this.#clock.monotonicMs());
    }
  }

  without(pools: readonly Pool[]): Pool[] {
    const others = this.#notRefusedFor(AVOID_MS, pools);
    return others.length > 0 ? others : this.#notRefusedFor(AVOID_ALL_MS, pools);
  }

  #notRefusedFor(ms: number, pools: readonly Pool[]): Pool[] {
    const sinceMs = this.#clock.monotonicMs() - ms;
    return pools.filter(
      (pool) => (this.#refusedAtMs.get(nameOf(pool)) ?? Number.NEGATIVE_INFINITY) <= sinceMs,
    );
  }
}

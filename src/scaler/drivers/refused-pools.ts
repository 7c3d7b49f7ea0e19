import type { Pool, Refusal } from '../../core/aws-account/ec2.ts';
import type { Clock } from '../../core/runtime/clock.ts';

/** A pool without capacity gets some in minutes rather than in seconds. */
const AVOID_MS = 5 * 60_000;
/** Used if all pools refused: avoiding them for longer would stop all work. */
const AVOID_ALL_MS = 30_000;

const nameOf = ({ instanceType = '', subnet = '' }: Pool): string => `${instanceType} ${subnet}`;

/** Pools that refused a launch lately and are avoided for a while. */
export class RefusedPools {
  readonly #clock: Clock;
  readonly #refusedAtMs = new Map<string, number>();
  #why = 'no pool has capacity';

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The reason of the last refusal. */
  get why(): string {
    return this.#why;
  }

  /** @param asked the pools of the request. A refusal without a pool may be of any of them. */
  add(refusals: readonly Refusal[], asked: readonly Pool[]): void {
    for (const { pool, code, why } of refusals) {
      this.#why = why;
      // An account's limit on spot instances does not mean that the pool has no on-demand capacity.
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

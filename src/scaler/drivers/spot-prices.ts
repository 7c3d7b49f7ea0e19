import type { Ec2, SpotPrice } from '../../core/aws-account/ec2.ts';
import type { Clock } from '../../core/runtime/clock.ts';
import { messageOf } from '../../core/runtime/errors.ts';

/** Spot prices change a few times a day. A refusal is asked again as seldom: a permission is missing. */
const READ_EVERY_MS = 3_600_000;

/** What spot instances cost, as it was read within the last hour. Without it list prices count, which are the most. */
export class SpotPrices {
  readonly #clock: Clock;
  #prices: readonly SpotPrice[] = [];
  #triedAtMs = Number.NEGATIVE_INFINITY;
  #readAtMs = 0;
  #types = '';
  #problem: string | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Never fails. */
  async refresh(read: Ec2['spotPrices'], types: readonly string[]): Promise<void> {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#triedAtMs < READ_EVERY_MS && this.#types === types.join()) return;
    this.#triedAtMs = nowMs;
    this.#types = types.join();
    try {
      const atMs = this.#clock.nowMs();
      this.#prices = await read(types, atMs);
      this.#readAtMs = atMs;
      this.#problem = undefined;
    } catch (error) {
      this.#prices = [];
      this.#problem = `Spot instances count with list prices on demand, the most that they cost: ${messageOf(error)}`;
    }
  }

  /** For people: why no spot price is known; undefined if that is no problem. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** When they were read last, by the wall clock. */
  get readAtMs(): number {
    return this.#readAtMs;
  }

  /** The highest one of the zones, if the zone is not known. Undefined if there is none. */
  usdOf(type: string, zone?: string): number | undefined {
    const prices = this.#prices.filter((each) => each.type === type && (zone ?? each.zone) === each.zone);
    return prices.length === 0 ? undefined : Math.max(...prices.map(({ usd }) => usd));
  }
}

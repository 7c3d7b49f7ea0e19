import type { Ec2Launch, Market, Pool, Refusal } from '../../core/aws-account/ec2.ts';
import type { Clock } from '../../core/runtime/clock.ts';

/** A pool without capacity gets some in minutes rather than in seconds. So do accounts with a limit: other instances end. */
const AVOID_MS = 5 * 60_000;
/** Used if all pools of a market refused: avoiding them for longer would stop all work. */
const AVOID_ALL_MS = 30_000;

const nameOf = (market: Market, { instanceType = '', subnet = '' }: Pool): string =>
  `${market} ${instanceType} ${subnet}`;

interface Remembered {
  why: string;
  atMs: number;
}

/** What refused launches lately: pools, and the limits of the account. Both by market. */
export class LaunchLimits {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #refusedAtMs = new Map<string, number>();
  readonly #ofAccount = new Map<Market, Remembered>();
  #spotRefusal: Remembered | undefined;
  #fellBackAtMs = Number.NEGATIVE_INFINITY;
  #why = 'no pool has capacity';

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  /** The reason of the last refusal. */
  get why(): string {
    return this.#why;
  }

  /** What a person should know of the last minutes. */
  get warnings(): string[] {
    const limits = [...this.#ofAccount].filter(([, { atMs }]) => this.#isRecent(atMs, AVOID_MS));
    const spot = this.#isRecent(this.#fellBackAtMs, AVOID_MS) ? this.#spotRefusal : undefined;
    return [
      ...limits.map(
        ([market, { why }]) =>
          `The account is at its limit of ${market} instances: ${why}. Raise the quota in the Service Quotas console (Amazon EC2).`,
      ),
      ...(spot === undefined ? [] : [`Launched on demand, since there is no spot capacity: ${spot.why}.`]),
    ];
  }

  /** @param asked the request. A refusal without a pool may be of any of its pools. */
  add(refusals: readonly Refusal[], asked: Pick<Ec2Launch, 'pools' | 'onDemand' | 'spot'>): void {
    const atMs = this.#clock.monotonicMs();
    const only = asked.pools.length === 1 ? asked.pools[0] : undefined;
    for (const refusal of refusals) {
      this.#why = refusal.why;
      for (const market of marketsOf(refusal, asked)) {
        if (market === 'spot') this.#spotRefusal = { why: refusal.why, atMs };
        const pool = refusal.pool ?? only;
        if (refusal.ofAccount) this.#ofAccount.set(market, { why: refusal.why, atMs });
        else if (pool !== undefined) this.#refusedAtMs.set(nameOf(market, pool), atMs);
      }
    }
  }

  /** Instances are launched on demand instead of spot. */
  fellBack(): void {
    this.#fellBackAtMs = this.#clock.monotonicMs();
  }

  /** Those that may have capacity in this market. */
  open(pools: readonly Pool[], market: Market): Pool[] {
    const limit = this.#ofAccount.get(market);
    if (limit !== undefined && this.#isRecent(limit.atMs, AVOID_MS)) return [];
    const others = this.#notRefusedFor(AVOID_MS, pools, market);
    return others.length > 0 ? others : this.#notRefusedFor(AVOID_ALL_MS, pools, market);
  }

  #notRefusedFor(ms: number, pools: readonly Pool[], market: Market): Pool[] {
    return pools.filter((pool) => {
      const atMs = this.#refusedAtMs.get(nameOf(market, pool));
      return atMs === undefined || !this.#isRecent(atMs, ms);
    });
  }

  #isRecent(atMs: number, ms: number): boolean {
    return this.#clock.monotonicMs() - atMs < ms;
  }
}

/** The market of a refusal; of a mixed request whose refusal names none, both. */
function marketsOf(
  { market, code }: Refusal,
  { onDemand, spot }: Pick<Ec2Launch, 'onDemand' | 'spot'>,
): Market[] {
  if (market !== undefined) return [market];
  if (code.includes('Spot') || onDemand === 0) return ['spot'];
  return spot === 0 ? ['on-demand'] : ['on-demand', 'spot'];
}

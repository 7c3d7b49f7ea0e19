/**
 * Launches new instances: the spot share first, from the pools that have not refused lately, and within the limits of the account.
 *
 *     spot --all pools refused--> on demand        whole number --limit of the account--> half of it, ..., 1 --> pause
 */
import { createHash } from 'node:crypto';
import type { Ec2, Ec2Instance, Ec2Launch, Market, Pool, Refusal } from '../../core/aws-account/ec2.ts';
import type { Clock } from '../../core/runtime/clock.ts';
import { ImgclsError, isTransient, messageAndHint } from '../../core/runtime/errors.ts';
import type { LaunchAnswer } from '../fleet.ts';
import { LaunchLimits } from './launch-limits.ts';

/** A launch whose answer was lost is resent for this long; EC2 forgets tokens after a while. */
const UNSETTLED_MS = 10 * 60_000;
/** Requests within one launch: to spot pools, to the others of them, on demand, to others of those. Halvings do not count. */
const MAX_TRIES = 4;
/** From this one on no spot instance is requested. */
const ON_DEMAND_FROM_TRY = 2;

export interface LauncherOptions {
  ec2: Pick<Ec2, 'launch'>;
  template: string;
  /** 0 to 100; the rest is spot. */
  onDemandPercentage: number;
  clock: Clock;
}

/** The tags of the instances of a launch, and its epoch. */
export interface LaunchFacts {
  epoch: number;
  tags: Ec2Launch['tags'];
  /** At least one for each market. An empty pool means the type and subnet of the launch template. */
  pools: Readonly<Record<Market, readonly Pool[]>>;
  /** Those that the cluster has. */
  instances: readonly Ec2Instance[];
}

type Request = Pick<Ec2Launch, 'pools' | 'onDemand' | 'spot'>;

export class Ec2Launcher {
  readonly #options: LauncherOptions;
  readonly #limits: LaunchLimits;
  /** Called with the instances of each answer. */
  readonly #onStarted: (ids: readonly string[]) => void;
  /** A launch whose answer was lost: EC2 may have done it. */
  #unsettled: { launch: Ec2Launch; epoch: number; sinceMs: number } | undefined;

  constructor(options: LauncherOptions, onStarted: (ids: readonly string[]) => void) {
    this.#options = options;
    this.#limits = new LaunchLimits(options.clock);
    this.#onStarted = onStarted;
  }

  get isUnsettled(): boolean {
    return this.#unsettled !== undefined;
  }

  /** Of the last minutes. */
  get warnings(): string[] {
    return this.#limits.warnings;
  }

  /** Resends the request of a lost answer under the same token: EC2 repeats its answer, or launches now. */
  async settle(epoch: number): Promise<void> {
    const lost = this.#unsettled;
    if (lost === undefined) return;
    const isOld = this.#options.clock.monotonicMs() - lost.sinceMs > UNSETTLED_MS;
    // If it was done, its instances carry the cluster's tags and are listed by now.
    if (isOld || lost.epoch !== epoch) this.#unsettled = undefined;
    else await this.#send(lost.launch, epoch);
  }

  async launch(count: number, facts: LaunchFacts): Promise<LaunchAnswer> {
    const started: string[] = [];
    let refusals: readonly Refusal[] = [];
    let most = count;
    let requests = 0;
    for (let tries = 0; tries < MAX_TRIES && started.length < count; ) {
      const request = this.#requestFor(Math.min(most, count - started.length), facts, tries);
      if (request === undefined) break;
      const answer = await this.#try(request, facts, requests++);
      if (answer instanceof ImgclsError)
        return { started, permanent: { count: count - started.length, why: messageAndHint(answer) } };
      started.push(...answer.started);
      refusals = answer.refusals;
      const asked = request.onDemand + request.spot;
      const isTooMany =
        refusals.some(({ ofAccount }) => ofAccount) && answer.started.length === 0 && asked > 1;
      most = isTooMany ? Math.floor(asked / 2) : count;
      if (isTooMany) continue;
      tries++;
      this.#limits.add(refusals, request);
      if (refusals.some(({ pool, mayPass }) => pool === undefined && !mayPass)) break;
    }
    return this.#answer(count, started, refusals);
  }

  #answer(count: number, started: readonly string[], refusals: readonly Refusal[]): LaunchAnswer {
    const left = count - started.length;
    if (left <= 0) return { started };
    const [refusal] = refusals;
    if (refusal !== undefined && refusals.every(({ mayPass }) => !mayPass))
      return { started, permanent: { count: left, why: refusal.why } };
    return { started, retryable: { count: left, why: refusal?.why ?? this.#limits.why } };
  }

  /** Undefined if every pool has refused lately, or the account is at its limit. */
  #requestFor(count: number, { pools: all, instances }: LaunchFacts, tries: number): Request | undefined {
    const spotPools = tries < ON_DEMAND_FROM_TRY ? this.#limits.open(all.spot, 'spot') : [];
    const pools = this.#limits.open(all['on-demand'], 'on-demand');
    const share = this.#onDemandShare(count, instances);
    if (share < count && spotPools.length > 0)
      return { pools: spotPools, onDemand: pools.length > 0 ? share : 0, spot: count - share };
    if (pools.length === 0) return undefined;
    if (share < count) this.#limits.fellBack();
    return { pools, onDemand: count, spot: 0 };
  }

  /** How many of these launches must be on-demand for the whole fleet to have its on-demand share. */
  #onDemandShare(count: number, instances: readonly Ec2Instance[]): number {
    const up = instances.filter(({ state }) => state === 'pending' || state === 'running');
    const present = up.filter(({ market }) => market === 'on-demand').length;
    const wanted = Math.ceil(((up.length + count) * this.#options.onDemandPercentage) / 100);
    return Math.min(count, Math.max(0, wanted - present));
  }

  async #try(request: Request, { tags, epoch }: LaunchFacts, requestsBefore: number) {
    const launch = { template: this.#options.template, ...request, tags };
    // Two requests of one launch may be alike. EC2 would repeat its answer to the first one.
    const token = createHash('sha256')
      .update(JSON.stringify([launch, requestsBefore]))
      .digest('hex');
    try {
      return await this.#send({ ...launch, token }, epoch);
    } catch (error) {
      if (error instanceof ImgclsError && !isTransient(error)) return error;
      throw error;
    }
  }

  async #send(launch: Ec2Launch, epoch: number): Promise<{ started: string[]; refusals: Refusal[] }> {
    this.#unsettled ??= { launch, epoch, sinceMs: this.#options.clock.monotonicMs() };
    try {
      const answer = await this.#options.ec2.launch(launch);
      this.#unsettled = undefined;
      this.#onStarted(answer.started);
      return answer;
    } catch (error) {
      if (!isTransient(error)) this.#unsettled = undefined;
      throw error;
    }
  }
}

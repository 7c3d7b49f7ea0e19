/**
 * Instances of EC2 as a fleet. The facts about a machine are in its tags, which the launch itself writes, so that the next
 * controller knows them whenever this one ends.
 *
 *     launch --answer lost--> unsettled --settle: same request resent, in the same epoch--> settled
 *     running --retire: tag, then terminate (or stop, for the warm pool)--> draining --> gone | stopped
 */
import { createHash } from 'node:crypto';
import type { Ec2, Ec2Instance, Ec2Launch, Market, Pool, Refusal } from '../../core/aws-account/ec2.ts';
import { changed, failureOf } from '../../core/aws-account/instances-error.ts';
import { highestPrice } from '../../core/money/prices.ts';
import type { Clock } from '../../core/runtime/clock.ts';
import { ImgclsError, isTransient, messageAndHint } from '../../core/runtime/errors.ts';
import type { FleetDriver, FleetMember, LaunchAnswer, LaunchRequest } from '../fleet.ts';
import { explainInstance } from './explain-instance.ts';
import { RecentLaunches } from './recent-launches.ts';
import { RefusedPools } from './refused-pools.ts';

export const CLUSTER_TAG = 'imgcls:cluster';
export const LAUNCH_TAG = 'imgcls:launch';
const EXPIRY_TAG = 'imgcls:expires';
const DRAINING_TAG = 'imgcls:draining';

/** An instance that still runs this long after its worker's maximum lifetime has a worker that does not end. */
export const EXPIRY_MARGIN_MS = 30 * 60_000;
/** An instance that still runs this long after it was ended did not get the request, and may be retired again. */
export const RETIRE_AGAIN_MS = 60_000;
/** A tick acts within this time of its listing. */
const LISTING_FRESH_MS = 30_000;
/** A launch whose answer was lost is resent for this long; EC2 forgets tokens after a while. */
const UNSETTLED_MS = 10 * 60_000;
/** Requests to different pools within one launch. */
const MAX_TRIES = 3;

export interface Ec2FleetOptions {
  ec2: Ec2;
  cluster: string;
  template: string;
  /** At least one. An empty pool means the type and subnet of the launch template. */
  pools: readonly Pool[];
  /** 0 to 100; the rest is spot. */
  onDemandPercentage: number;
  /** Stopped instances to keep. They are started first. */
  warm: number;
  maxLifetimeMs: number;
  /** Price of an instance's hour; undefined if it is unknown. */
  priceOf(type: string, market: Market): number | undefined;
  /** Types that may be launched; the template's own if no others are set. */
  types: readonly string[];
  clock: Clock;
}

export function createEc2Fleet(options: Ec2FleetOptions): FleetDriver {
  return new Ec2Fleet(options);
}

class Ec2Fleet implements FleetDriver {
  readonly #options: Ec2FleetOptions;
  readonly #launches: RecentLaunches;
  readonly #refused: RefusedPools;
  /** What members() listed, for the launch or retirement that is decided from it. */
  #justListed: { instances: Ec2Instance[]; atMs: number } | undefined;
  /** A launch whose answer was lost: EC2 may have done it. */
  #unsettled: { launch: Ec2Launch; sinceMs: number } | undefined;

  constructor(options: Ec2FleetOptions) {
    this.#options = options;
    this.#launches = new RecentLaunches(options.clock);
    this.#refused = new RefusedPools(options.clock);
  }

  async members(): Promise<FleetMember[]> {
    if (this.#unsettled !== undefined)
      throw new ImgclsError('transient', 'The answer to a launch was lost, so the fleet is unknown.');
    const instances = await this.#instances();
    this.#justListed = { instances, atMs: this.#options.clock.monotonicMs() };
    return [
      ...instances.map((instance) => this.#member(instance)),
      ...this.#launches.notListedYet(instances),
    ];
  }

  async launch({ count, decision }: LaunchRequest): Promise<LaunchAnswer> {
    await this.settle(epochOf(decision));
    const instances = await this.#listed();
    const started = await this.#startWarm(count, instances, decision);
    return await this.#launchNew(count - started.length, started, instances, decision);
  }

  async retire(ids: readonly string[]): Promise<void> {
    const { ec2, clock } = this.#options;
    const instances = await this.#listed();
    const chosen = new Set(ids);
    const known = instances.filter(({ state }) => isUp(state));
    const all = [...known, ...this.#launches.notListedYet(instances)]
      .map(({ id }) => id)
      .filter((id) => chosen.has(id));
    if (all.length === 0) return;
    // Tagged first: every controller must be able to see that the machine is draining before it is ended.
    const untagged = await failureOf(ec2.tag(all, { [DRAINING_TAG]: new Date(clock.nowMs()).toISOString() }));
    await this.#end(changed(all, untagged), instances);
    if (untagged !== undefined) throw untagged;
  }

  async terminate(ids: readonly string[]): Promise<void> {
    const failure = ids.length > 0 ? await failureOf(this.#options.ec2.terminate(ids)) : undefined;
    this.#launches.forget(changed(ids, failure));
    if (failure !== undefined) throw failure;
  }

  async hourlyUsd(): Promise<number | undefined> {
    const { types, priceOf, onDemandPercentage } = this.#options;
    const market = onDemandPercentage > 0 ? 'on-demand' : 'spot';
    return highestPrice(types.map((type) => priceOf(type, market)));
  }

  async explain(id: string): Promise<string> {
    return await explainInstance(this.#options.ec2, this.#tag, id);
  }

  get #tag() {
    return { key: CLUSTER_TAG, value: this.#options.cluster };
  }

  /** As members() listed them in this tick: a listing of 10,000 instances takes seconds. Another one is made after a change. */
  async #listed(): Promise<Ec2Instance[]> {
    const last = this.#justListed;
    this.#justListed = undefined;
    const isFresh = last !== undefined && this.#options.clock.monotonicMs() - last.atMs < LISTING_FRESH_MS;
    return isFresh ? last.instances : await this.#instances();
  }

  async #instances(): Promise<Ec2Instance[]> {
    const listed = await this.#options.ec2.describe(this.#tag);
    return this.#launches.reconcile(listed).filter(({ state }) => state !== 'terminated');
  }

  /** Resends the request of a lost answer under the same token: EC2 repeats its answer, or launches now. */
  async settle(epoch: number): Promise<void> {
    const lost = this.#unsettled;
    if (lost === undefined) return;
    const isOld = this.#options.clock.monotonicMs() - lost.sinceMs > UNSETTLED_MS;
    if (isOld || epochOf(lost.launch.tags[LAUNCH_TAG] ?? '') !== epoch) {
      // If it was done, its instances carry the cluster's tags and are listed by now.
      this.#unsettled = undefined;
      return;
    }
    const { started } = await this.#send(lost.launch);
    this.#launches.add(started, await this.hourlyUsd());
  }

  async #send(launch: Ec2Launch): Promise<{ started: string[]; refusals: Refusal[] }> {
    this.#unsettled ??= { launch, sinceMs: this.#options.clock.monotonicMs() };
    try {
      const answer = await this.#options.ec2.launch(launch);
      this.#unsettled = undefined;
      return answer;
    } catch (error) {
      if (!isTransient(error)) this.#unsettled = undefined;
      throw error;
    }
  }

  async #startWarm(count: number, instances: readonly Ec2Instance[], decision: string): Promise<string[]> {
    const { ec2 } = this.#options;
    const ids = instances
      .filter(({ state }) => state === 'stopped')
      .slice(0, count)
      .map(({ id }) => id);
    if (ids.length === 0) return [];
    await ec2.tag(ids, { [LAUNCH_TAG]: decision, [EXPIRY_TAG]: this.#expiry() });
    await ec2.untag(ids, [DRAINING_TAG]);
    try {
      const started = await ec2.start(ids);
      this.#launches.restarted(started);
      return started;
    } catch (error) {
      // After a lost answer some may start: launching new ones now might be too many, and the next tick will see them.
      // After a refusal, or without capacity for the stopped ones, new ones are launched instead.
      if (isTransient(error)) throw error;
      return [];
    }
  }

  async #launchNew(
    count: number,
    before: readonly string[],
    instances: readonly Ec2Instance[],
    decision: string,
  ): Promise<LaunchAnswer> {
    const started = [...before];
    let refusals: Refusal[] = [];
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const missing = count - (started.length - before.length);
      const pools = this.#refused.without(this.#options.pools);
      if (missing <= 0 || pools.length === 0) break;
      const answer = await this.#tryPools(missing, pools, instances, decision);
      if (answer instanceof ImgclsError) {
        return { started, permanent: { count: missing, why: messageAndHint(answer) } };
      }
      started.push(...answer.started);
      refusals = answer.refusals;
      this.#refused.add(refusals, pools);
      if (refusals.some(({ pool, mayPass }) => pool === undefined && !mayPass)) break;
    }
    const left = count - (started.length - before.length);
    if (left <= 0) return { started };
    const [refusal] = refusals;
    if (refusal !== undefined && refusals.every(({ mayPass }) => !mayPass))
      return { started, permanent: { count: left, why: refusal.why } };
    return { started, retryable: { count: left, why: refusals[0]?.why ?? this.#refused.why } };
  }

  async #tryPools(
    count: number,
    pools: readonly Pool[],
    instances: readonly Ec2Instance[],
    decision: string,
  ): Promise<{ started: string[]; refusals: Refusal[] } | ImgclsError> {
    const onDemand = this.#onDemandShare(count, instances);
    const tags = {
      Name: `imgcls-${this.#options.cluster}`,
      [CLUSTER_TAG]: this.#options.cluster,
      [LAUNCH_TAG]: decision,
      [EXPIRY_TAG]: this.#expiry(),
    };
    const request = { template: this.#options.template, pools, onDemand, spot: count - onDemand, tags };
    const { cluster } = this.#options;
    const token = createHash('sha256')
      .update(JSON.stringify([cluster, request]))
      .digest('hex');
    try {
      const answer = await this.#send({ ...request, token });
      this.#launches.add(answer.started, await this.hourlyUsd());
      return answer;
    } catch (error) {
      if (error instanceof ImgclsError && !isTransient(error)) return error;
      throw error;
    }
  }

  /** How many of these launches must be on-demand for the whole fleet to have its on-demand share. */
  #onDemandShare(count: number, instances: readonly Ec2Instance[]): number {
    const { onDemandPercentage } = this.#options;
    const up = instances.filter(({ state }) => isUp(state));
    const present = up.filter(({ market }) => market === 'on-demand').length;
    const wanted = Math.ceil(((up.length + count) * onDemandPercentage) / 100);
    return Math.min(count, Math.max(0, wanted - present));
  }

  #expiry(): string {
    const { clock, maxLifetimeMs } = this.#options;
    return new Date(clock.nowMs() + maxLifetimeMs + EXPIRY_MARGIN_MS).toISOString();
  }

  #wasRetired({ id, tags }: Ec2Instance): boolean {
    const sinceMs = Date.parse(tags[DRAINING_TAG] ?? '');
    return !this.#launches.isRestarted(id) && this.#options.clock.nowMs() - sinceMs < RETIRE_AGAIN_MS;
  }

  /** EC2 shuts the system down, so the worker gets a SIGTERM. On-demand instances fill the warm pool first. */
  async #end(ids: readonly string[], instances: readonly Ec2Instance[]): Promise<void> {
    const { ec2, warm } = this.#options;
    const pool = instances.filter(({ state }) => state === 'stopped' || state === 'stopping').length;
    const byId = new Map(instances.map((instance) => [instance.id, instance]));
    const stoppable = ids.filter(
      (id) => byId.get(id)?.market === 'on-demand' && byId.get(id)?.state === 'running',
    );
    const toStop = new Set(stoppable.slice(0, Math.max(0, warm - pool)));
    const toTerminate = ids.filter((id) => !toStop.has(id));
    const unstopped = toStop.size > 0 ? await failureOf(ec2.stop([...toStop])) : undefined;
    await this.terminate(toTerminate);
    if (unstopped !== undefined) throw unstopped;
  }

  #member(instance: Ec2Instance): FleetMember {
    const { id, state, type, zone, market, launchedAtMs, tags } = instance;
    const hourlyUsd = this.#options.priceOf(type, market);
    const expiresAtMs = Date.parse(tags[EXPIRY_TAG] ?? '');
    const isDraining = !isUp(state) || this.#wasRetired(instance);
    return {
      id,
      state: state === 'stopped' ? 'stopped' : isDraining ? 'draining' : 'running',
      launchedAtMs,
      kind: `${type} ${zone} ${market}`,
      ...(hourlyUsd !== undefined && { hourlyUsd }),
      ...(!Number.isNaN(expiresAtMs) && { expiresAtMs }),
    };
  }
}

/** Of a decision such as "7-1". */
const epochOf = (decision: string): number => Number.parseInt(decision, 10);

const isUp = (state: Ec2Instance['state']): boolean => state === 'pending' || state === 'running';

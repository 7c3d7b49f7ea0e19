/**
 * Instances of EC2 as a fleet. The facts about a machine are in its tags, which the launch itself writes, so that the next
 * controller knows them whenever this one ends.
 *
 *     launch --answer lost--> unsettled --settle: same request resent, in the same epoch--> settled
 *     running --retire: tag, then terminate (or stop, for the warm pool)--> draining --> gone | stopped
 */
import type { Ec2, Ec2Instance, Market, Pool } from '../../core/aws-account/ec2.ts';
import { changed, failureOf } from '../../core/aws-account/instances-error.ts';
import { highestPrice } from '../../core/money/prices.ts';
import { ImgclsError, isTransient } from '../../core/runtime/errors.ts';
import type { FleetDriver, FleetMember, LaunchAnswer, LaunchRequest } from '../fleet.ts';
import { Ec2Launcher, type LauncherOptions } from './ec2-launcher.ts';
import { explainInstance } from './explain-instance.ts';
import { ranked } from './instance-choice.ts';
import { RecentLaunches } from './recent-launches.ts';
import { SpotPrices } from './spot-prices.ts';

export const CLUSTER_TAG = 'imgcls:cluster';
export const LAUNCH_TAG = 'imgcls:launch';
const EXPIRY_TAG = 'imgcls:expires';
const DRAINING_TAG = 'imgcls:draining';

/** An instance that still runs this long after its worker's maximum lifetime has a worker that does not end. */
export const EXPIRY_MARGIN_MS = 30 * 60_000;
/** An instance that still runs this long after it was ended did not get the request, and may be retired again. */
export const RETIRE_AGAIN_MS = 60_000;
/** EC2's reasons for ending spot instances, of which it needs the capacity. */
const RECLAIMED = /^Server\.SpotInstance(Termination|Shutdown)/;
/** A tick acts within this time of its listing. */
const LISTING_FRESH_MS = 30_000;

/** All but the clock may change while it runs. */
export interface Ec2FleetOptions extends LauncherOptions {
  ec2: Ec2;
  cluster: string;
  /** At least one. An empty pool means the type and subnet of the launch template. */
  pools: readonly Pool[];
  /** Stopped instances to keep. They are started first. */
  warm: number;
  maxLifetimeMs: number;
  /**
   * Price of an instance's hour; undefined if it is unknown.
   * @param spotUsd what a spot instance costs now. Undefined: its list price counts.
   */
  priceOf(type: string, market: Market, spotUsd?: number): number | undefined;
  /** Absent where `priceOf` depends on no spot price. */
  spotPrices?: Ec2['spotPrices'] | undefined;
  /** For people: why prices may be wrong. */
  priceWarnings?: readonly string[];
  /** Types that may be launched; the template's own if no others are set. */
  types: readonly string[];
  /** Of the launch template. Absent if EC2 resolves it only at the launch. */
  image?: string | undefined;
}

export function createEc2Fleet(options: Ec2FleetOptions): FleetDriver {
  return new Ec2Fleet(options);
}

class Ec2Fleet implements FleetDriver {
  readonly #options: Ec2FleetOptions;
  readonly #launches: RecentLaunches;
  readonly #launcher: Ec2Launcher;
  readonly #spotPrices: SpotPrices;
  #spotBefore: FleetDriver['spot'];
  #imagesPerSecondByType: Readonly<Record<string, number>> = {};
  /** What members() listed, for the launch or retirement that is decided from it. */
  #justListed: { instances: Ec2Instance[]; atMs: number } | undefined;

  constructor(options: Ec2FleetOptions) {
    this.#options = options;
    this.#launches = new RecentLaunches(options.clock);
    this.#spotPrices = new SpotPrices(options.clock);
    this.#launcher = new Ec2Launcher(options, (ids) => this.#launches.add(ids, this.#hourlyUsd));
  }

  async members(): Promise<FleetMember[]> {
    if (this.#launcher.isUnsettled)
      throw new ImgclsError('transient', 'The answer to a launch was lost, so the fleet is unknown.');
    const instances = await this.#instances();
    if (instances.some(({ market }) => market === 'spot')) await this.#readSpotPrices();
    this.#justListed = { instances, atMs: this.#options.clock.monotonicMs() };
    return [
      ...instances.map((instance) => this.#member(instance)),
      ...this.#launches.notListedYet(instances),
    ];
  }

  async launch({ count, decision }: LaunchRequest): Promise<LaunchAnswer> {
    await this.settle(epochOf(decision));
    if (this.#options.onDemandPercentage < 100) await this.#readSpotPrices();
    const instances = await this.#listed();
    const started = await this.#startWarm(count, instances, decision);
    const answer = await this.#launchNew(count - started.length, instances, decision);
    return { ...answer, started: [...started, ...answer.started] };
  }

  async settle(epoch: number): Promise<void> {
    await this.#launcher.settle(epoch);
  }

  measured(imagesPerSecondByType: Readonly<Record<string, number>>): void {
    this.#imagesPerSecondByType = imagesPerSecondByType;
  }

  get image(): string | undefined {
    return this.#options.image;
  }

  get warnings(): string[] {
    const { problem } = this.#spotPrices;
    const unread = problem === undefined ? [] : [problem];
    return [...(this.#options.priceWarnings ?? []), ...unread, ...this.#launcher.warnings];
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
    return this.#hourlyUsd;
  }

  recall({ spot }: Parameters<NonNullable<FleetDriver['recall']>>[0]): void {
    this.#spotBefore = spot;
  }

  get spot(): FleetDriver['spot'] {
    const { pools, types, onDemandPercentage, spotPrices } = this.#options;
    if (onDemandPercentage === 100 || spotPrices === undefined) return undefined;
    const known = pools.flatMap(({ instanceType = types[0] ?? '', zone }) =>
      this.#spotPrices.usdOf(instanceType, zone) === undefined
        ? []
        : (this.#priceOf(instanceType, 'spot', zone) ?? []),
    );
    if (known.length === 0) return this.#spotBefore;
    return { fromUsd: Math.min(...known), toUsd: Math.max(...known), atMs: this.#spotPrices.readAtMs };
  }

  #priceOf(type: string, market: Market, zone?: string): number | undefined {
    return this.#options.priceOf(type, market, this.#spotPrices.usdOf(type, zone));
  }

  async #readSpotPrices(): Promise<void> {
    const { spotPrices, types } = this.#options;
    if (spotPrices !== undefined) await this.#spotPrices.refresh(spotPrices, types);
  }

  /** The most that an instance launched now costs. */
  get #hourlyUsd(): number | undefined {
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
    instances: readonly Ec2Instance[],
    decision: string,
  ): Promise<LaunchAnswer> {
    if (count === 0) return { started: [] };
    const { cluster } = this.#options;
    const tags = {
      Name: `imgcls-${cluster}`,
      [CLUSTER_TAG]: cluster,
      [LAUNCH_TAG]: decision,
      [EXPIRY_TAG]: this.#expiry(),
    };
    const poolsFor = (market: Market) =>
      ranked(this.#options.pools, {
        imagesPerSecondByType: this.#imagesPerSecondByType,
        priceOf: (type, zone) => this.#priceOf(type, market, zone),
      });
    const pools = { spot: poolsFor('spot'), 'on-demand': poolsFor('on-demand') };
    return await this.#launcher.launch(count, { epoch: epochOf(decision), tags, pools, instances });
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
    const { id, state, type, image, zone, market, launchedAtMs, tags, stateReason = '' } = instance;
    const hourlyUsd = this.#priceOf(type, market, zone);
    const expiresAtMs = Date.parse(tags[EXPIRY_TAG] ?? '');
    const isDraining = !isUp(state) || this.#wasRetired(instance);
    return {
      id,
      state: state === 'stopped' ? 'stopped' : isDraining ? 'draining' : 'running',
      launchedAtMs,
      kind: `${type} ${zone} ${market}`,
      instanceType: type,
      ...(image !== undefined && { image }),
      ...(RECLAIMED.test(stateReason) && { isReclaimed: true }),
      ...(hourlyUsd !== undefined && { hourlyUsd }),
      ...(!Number.isNaN(expiresAtMs) && { expiresAtMs }),
    };
  }
}

/** Of a decision such as "7-1". */
const epochOf = (decision: string): number => Number.parseInt(decision, 10);

const isUp = (state: Ec2Instance['state']): boolean => state === 'pending' || state === 'running';

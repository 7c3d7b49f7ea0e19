import type { Ec2Instance } from '../../core/aws-account/ec2.ts';
import type { Clock } from '../../core/runtime/clock.ts';
import type { FleetMember } from '../fleet.ts';

/** EC2 may list a new instance this late. */
const MAX_LISTING_DELAY_MS = 5 * 60_000;
/** EC2 may omit a listed instance, or show an old state, for this long. */
const MAX_LISTING_GAP_MS = 60_000;

/** Corrects EC2's listings, which are eventually consistent: instances just launched or briefly omitted do exist. */
export class RecentLaunches {
  readonly #clock: Clock;
  readonly #launched = new Map<string, { atMs: number; hourlyUsd: number | undefined }>();
  readonly #restarted = new Map<string, number>();
  #listed = new Map<string, { instance: Ec2Instance; atMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param hourlyUsd the most that one of them can cost; undefined if it is unknown. */
  add(ids: readonly string[], hourlyUsd: number | undefined): void {
    for (const id of ids) this.#launched.set(id, { atMs: this.#clock.monotonicMs(), hourlyUsd });
  }

  /** Stopped instances that were started: the listing may show them as stopped for a while. */
  restarted(ids: readonly string[]): void {
    for (const id of ids) this.#restarted.set(id, this.#clock.monotonicMs());
  }

  isRestarted(id: string): boolean {
    const atMs = this.#restarted.get(id);
    return atMs !== undefined && this.#clock.monotonicMs() - atMs < MAX_LISTING_GAP_MS;
  }

  /** Instances that were ended. One that was never listed is kept: EC2 may not have known it yet. */
  forget(ids: readonly string[]): void {
    for (const id of ids) {
      if (this.#listed.delete(id)) this.#launched.delete(id);
      this.#restarted.delete(id);
    }
  }

  /** The listing, with the instances that it omits but showed before, and with restarted ones as pending. */
  reconcile(listed: readonly Ec2Instance[]): Ec2Instance[] {
    const nowMs = this.#clock.monotonicMs();
    const next = new Map(listed.map((instance) => [instance.id, { instance, atMs: nowMs }]));
    for (const [id, seen] of this.#listed) {
      if (next.has(id)) continue;
      if (seen.instance.state !== 'terminated' && nowMs - seen.atMs < MAX_LISTING_GAP_MS) next.set(id, seen);
      // It was listed, so this is not the delay of a new instance.
      else this.#launched.delete(id);
    }
    this.#listed = next;
    return [...next.values()].map(({ instance }) =>
      instance.state === 'stopped' && this.isRestarted(instance.id)
        ? {
            ...instance,
            state: 'pending',
            launchedAtMs: this.#wallMs(this.#restarted.get(instance.id) ?? nowMs),
          }
        : instance,
    );
  }

  notListedYet(instances: readonly Ec2Instance[]): FleetMember[] {
    const listed = new Set(instances.map(({ id }) => id));
    const nowMs = this.#clock.monotonicMs();
    return [...this.#launched]
      .filter(
        ([id, { atMs }]) => !listed.has(id) && !this.#listed.has(id) && nowMs - atMs < MAX_LISTING_DELAY_MS,
      )
      .map(([id, { atMs, hourlyUsd }]) => ({
        id,
        state: 'running' as const,
        launchedAtMs: this.#wallMs(atMs),
        ...(hourlyUsd !== undefined && { hourlyUsd }),
      }));
  }

  #wallMs(monotonicMs: number): number {
    return this.#clock.nowMs() - (this.#clock.monotonicMs() - monotonicMs);
  }
}

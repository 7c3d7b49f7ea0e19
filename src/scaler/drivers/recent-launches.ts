import type { Ec2Instance } from '../../core/aws-account/ec2.ts';
import type { Clock } from '../../core/runtime/clock.ts';
import type { FleetMember } from '../fleet.ts';

/** EC2 lists a new instance late, and may leave one out of a listing for a moment. */
const UNSEEN_MS = 5 * 60_000;
const MISSING_MS = 60_000;

/** What was launched and is not listed yet, and what was listed and is missing for a moment: both are there. */
export class RecentLaunches {
  readonly #clock: Clock;
  readonly #launched = new Map<string, number>();
  readonly #restarted = new Map<string, number>();
  #listed = new Map<string, { instance: Ec2Instance; atMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(ids: readonly string[]): void {
    for (const id of ids) this.#launched.set(id, this.#clock.monotonicMs());
  }

  /** Stopped instances that were started: the listing may say for a while that they are not. */
  restarted(ids: readonly string[]): void {
    for (const id of ids) this.#restarted.set(id, this.#clock.monotonicMs());
  }

  isRestarted(id: string): boolean {
    const atMs = this.#restarted.get(id);
    return atMs !== undefined && this.#clock.monotonicMs() - atMs < MISSING_MS;
  }

  /** What was told to end. One that was never listed stays: EC2 may not have known it yet, and told nobody. */
  forget(ids: readonly string[]): void {
    for (const id of ids) {
      if (this.#listed.delete(id)) this.#launched.delete(id);
      this.#restarted.delete(id);
    }
  }

  /** The listing, with those that it leaves out although they were in the last ones, and restarted ones as pending. */
  reconcile(listed: readonly Ec2Instance[]): Ec2Instance[] {
    const nowMs = this.#clock.monotonicMs();
    const next = new Map(listed.map((instance) => [instance.id, { instance, atMs: nowMs }]));
    for (const [id, seen] of this.#listed) {
      if (!next.has(id) && seen.instance.state !== 'terminated' && nowMs - seen.atMs < MISSING_MS)
        next.set(id, seen);
    }
    this.#listed = next;
    return [...next.values()].map(({ instance }) =>
      instance.state === 'stopped' && this.isRestarted(instance.id)
        ? { ...instance, state: 'pending' }
        : instance,
    );
  }

  /** Launched, and listed by nobody yet. */
  unseen(instances: readonly Ec2Instance[]): FleetMember[] {
    const listed = new Set(instances.map(({ id }) => id));
    const nowMs = this.#clock.monotonicMs();
    return [...this.#launched]
      .filter(([id, atMs]) => !listed.has(id) && !this.#listed.has(id) && nowMs - atMs < UNSEEN_MS)
      .map(([id, atMs]) => ({
        id,
        state: 'running' as const,
        launchedAtMs: this.#clock.nowMs() - (nowMs - atMs),
      }));
  }
}

/** An Auto Scaling group and its instances in memory. AWS launches and removes instances only when a test calls `settle`. */
import type {
  AutoScaling,
  CapacityAfter,
  GroupInstance,
  ScalingGroup,
} from '../../../../src/core/aws-account/auto-scaling.ts';
import type { Ec2, Ec2Instance } from '../../../../src/core/aws-account/ec2.ts';
import { ImgclsError } from '../../../../src/core/runtime/errors.ts';

export const GROUP = 'workers';

export class AsgWorld {
  min = 0;
  max = 10;
  desired = 0;
  isLaunchSuspended = false;
  tags: Record<string, string> = {};
  /** How many instances AWS has capacity for. */
  available = Number.POSITIVE_INFINITY;
  failure: string | undefined;
  readonly group = new Map<string, GroupInstance>();
  readonly machines = new Map<string, Ec2Instance>();
  /** Every desired capacity that was set, and every instance that was ended. */
  readonly sets: number[] = [];
  readonly ends: [id: string, capacity: CapacityAfter][] = [];
  #launched = 0;

  readonly autoScaling: AutoScaling = {
    group: async () => this.listed(),
    tagLaunches: async (_, tags) => void Object.assign(this.tags, tags),
    setDesired: async (_, desired) => {
      if (desired > this.max)
        throw new ImgclsError('permanent', `Capacity ${desired} is above max value ${this.max}.`);
      this.sets.push(desired);
      this.desired = desired;
    },
    end: async (id, capacity) => {
      if (capacity === 'lower' && this.desired <= this.min)
        throw new ImgclsError('permanent', `desiredSize equals minSize (${this.min}).`);
      this.ends.push([id, capacity]);
      if (capacity === 'lower') this.desired--;
      this.set(id, 'Terminating', 'shutting-down');
    },
    lastLaunchFailure: async () => this.failure,
  };

  readonly ec2: Pick<Ec2, 'describe'> = { describe: async () => [...this.machines.values()] };

  listed(): ScalingGroup {
    const { min, max, desired, isLaunchSuspended } = this;
    return {
      name: GROUP,
      min,
      max,
      desired,
      instances: [...this.group.values()],
      tags: { ...this.tags },
      isLaunchSuspended,
      template: 'lt-1:$Default',
      instanceTypes: [],
      choosesTypes: false,
      otherUnit: undefined,
    };
  }

  /** AWS launches the missing instances, within its capacity, and removes the ended ones. */
  settle(): void {
    for (const [id, { lifecycle }] of this.group) {
      if (lifecycle !== 'Terminating') continue;
      this.group.delete(id);
      this.machines.delete(id);
    }
    const lacking = this.desired - this.serving().length;
    if (this.isLaunchSuspended) return;
    for (let left = Math.min(lacking, this.available); left > 0; left--) this.#launch();
  }

  serving(): string[] {
    const serving = [...this.group.values()].filter(({ lifecycle }) =>
      /^(Pending|InService)/.test(lifecycle),
    );
    return serving.map(({ id }) => id);
  }

  set(id: string, lifecycle: string, state: Ec2Instance['state']): void {
    const instance = this.group.get(id);
    const machine = this.machines.get(id);
    if (instance !== undefined) this.group.set(id, { ...instance, lifecycle });
    if (machine !== undefined) this.machines.set(id, { ...machine, state });
  }

  #launch(): void {
    const id = `i-${++this.#launched}`;
    const place = { id, type: 'c7i.large', zone: 'us-east-1a' };
    this.group.set(id, { ...place, lifecycle: 'Pending' });
    const launch = { market: 'on-demand', launchedAtMs: 0, tags: { ...this.tags } } as const;
    this.machines.set(id, { ...place, ...launch, state: 'pending' });
  }
}

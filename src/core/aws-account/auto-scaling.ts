/** The calls of EC2 Auto Scaling that a fleet needs. Implemented in src/aws/auto-scaling.ts. */

/** An instance as its group lists it. */
export interface GroupInstance {
  id: string;
  type: string;
  zone: string;
  /** Auto Scaling's lifecycle state: `Pending`, `InService`, `Terminating:Wait`, `Warmed:Stopped`. */
  lifecycle: string;
}

/** An Auto Scaling group and its instances, including those of its warm pool. */
export interface ScalingGroup {
  name: string;
  /** Bounds of `desired`. */
  min: number;
  max: number;
  /** Desired number of instances. */
  desired: number;
  instances: readonly GroupInstance[];
  tags: Readonly<Record<string, string>>;
  /** Its Launch process is suspended. */
  isLaunchSuspended: boolean;
  /** `ID:VERSION`. Undefined if the group has a launch configuration. */
  template: string | undefined;
  /** Instance types of the group, which override that of the launch template. */
  instanceTypes: readonly string[];
  /** The group lists requirements, and AWS chooses the instance types. */
  choosesTypes: boolean;
  /** The unit of the bounds and of `desired`, if it is not instances: `weights`, `vcpu`, `memory-mib`. */
  otherUnit: string | undefined;
}

/** What happens to the desired capacity when an instance ends: it is lowered, or kept (then AWS launches another). */
export type CapacityAfter = 'lower' | 'keep';

/** All calls throw {@link ImgclsError}s. An instance that no longer exists counts as ended. */
export interface AutoScaling {
  /** @throws {ImgclsError} of kind `config` if there is no such group. */
  group(name: string): Promise<ScalingGroup>;
  /** Tags the group and the instances that it launches from now on. */
  tagLaunches(name: string, tags: Readonly<Record<string, string>>): Promise<void>;
  setDesired(name: string, desired: number): Promise<void>;
  /**
   * Ends an instance and changes the capacity in one call. A capacity at the group's minimum cannot be lowered. After a lost
   * response a retry lowers the capacity again.
   */
  end(id: string, capacity: CapacityAfter): Promise<void>;
  /** Why the group's last launch failed. Undefined if it succeeded. */
  lastLaunchFailure(name: string): Promise<string | undefined>;
}

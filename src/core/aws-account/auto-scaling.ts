/** The few verbs of EC2 Auto Scaling that a fleet needs, in plain words; src/aws/auto-scaling.ts speaks them to AWS. */

/** An instance as its group lists it. */
export interface GroupInstance {
  id: string;
  type: string;
  zone: string;
  /** In Auto Scaling's words: `Pending`, `InService`, `Terminating:Wait`, `Warmed:Stopped`. */
  lifecycle: string;
}

/** An Auto Scaling group and the instances that it has now, those of its warm pool included. */
export interface ScalingGroup {
  name: string;
  /** Bounds of `desired`. */
  min: number;
  max: number;
  /** How many instances there are to be. */
  desired: number;
  instances: readonly GroupInstance[];
  tags: Readonly<Record<string, string>>;
  /** Somebody has suspended launching. */
  isLaunchSuspended: boolean;
  /** `ID:VERSION`; undefined where the group has a launch configuration. */
  template: string | undefined;
  /** Those that the group names in place of the launch template's. */
  instanceTypes: readonly string[];
  /** It names what instances must have, and AWS chooses their types. */
  choosesTypes: boolean;
  /** Bounds and `desired` count something else than instances: `weights`, `vcpu`, `memory-mib`. */
  otherUnit: string | undefined;
}

/** What becomes of the desired capacity when an instance is ended: it is lowered with it, or kept (AWS launches another then). */
export type CapacityAfter = 'lower' | 'keep';

/** All throw {@link ImgclsError}s; an instance that is not there any more counts as ended. */
export interface AutoScaling {
  /** @throws {ImgclsError} of kind `config` where there is no such group. */
  group(name: string): Promise<ScalingGroup>;
  /** Instances that the group launches from now on carry these, and so does the group. */
  tagLaunches(name: string, tags: Readonly<Record<string, string>>): Promise<void>;
  setDesired(name: string, desired: number): Promise<void>;
  /**
   * Ends an instance, and sees to the capacity in the same call. A capacity that is the group's minimum cannot be lowered;
   * one that was lowered already (the answer was lost) is lowered again.
   */
  end(id: string, capacity: CapacityAfter): Promise<void>;
  /** Why the group's last launch failed; undefined where it did not. */
  lastLaunchFailure(name: string): Promise<string | undefined>;
}

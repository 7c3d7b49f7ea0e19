/** The contract of a fleet driver, which launches and ends machines of one kind. */

import type { ControllerReport } from '../core/fleet/fleet.ts';

const PLACEHOLDER = 'asked-';

/** The id of a machine that was requested and not launched yet, until the cloud gives it one. */
export const placeholder = (decision: string, at: number): string => `${PLACEHOLDER}${decision}-${at}`;

export const isPlaceholder = (id: string): boolean => id.startsWith(PLACEHOLDER);

/** A machine as its driver knows it, without the worker's own status. */
export interface FleetMember {
  /** Also the id of its worker, whose status is `fleet/<id>.json`. */
  id: string;
  /** `stopped`: in the warm pool. `draining`: retired, not ended yet. */
  state: 'running' | 'draining' | 'stopped';
  launchedAtMs: number;
  /** Absent if the price is unknown. */
  hourlyUsd?: number;
  /** EC2 ends it because it needs the capacity: that says nothing about its image. */
  isReclaimed?: true;
  /** After this time the machine is ended, whatever its worker reports. */
  expiresAtMs?: number;
  /** For people: instance type, zone, market. */
  kind?: string;
  /** Of EC2. */
  instanceType?: string;
  /** The machine image that it was launched from. */
  image?: string;
  /** Why a requested machine has not been launched yet, if it is later than usual and the cloud gives a reason. */
  lateBecause?: string;
}

export interface LaunchRequest {
  count: number;
  /** The epoch and number of the decision, such as "7-1". Cloud drivers tag their machines with it. */
  decision: string;
}

/** The result of a launch: every requested machine counts in exactly one of the three. */
export interface LaunchAnswer {
  started: readonly string[];
  /** Not launched because of a temporary limit, such as missing capacity. */
  retryable?: { count: number; why: string };
  /** Not launched, and not before a person changes something. */
  permanent?: { count: number; why: string };
}

export interface FleetDriver {
  /**
   * Every machine of the cluster that works, will work, or costs money, including machines just launched that the cloud
   * does not list yet. Reads only. @throws {ImgclsError} if the fleet cannot be read.
   */
  members(signal?: AbortSignal): Promise<FleetMember[]>;
  /**
   * Resolves a launch of this epoch whose answer was lost, and forgets one of an earlier epoch: other controllers have acted
   * since. Until then members() fails. To be called by the holder of the lock only, because it may launch.
   */
  settle?(epoch: number): Promise<void>;
  /** @throws {ImgclsError} if the result of the launch is unknown; settle() and the next launch resolve that first. */
  launch(request: LaunchRequest): Promise<LaunchAnswer>;
  /** Drains machines: each finishes what it has begun, then ends. Idempotent. */
  retire(ids: readonly string[]): Promise<void>;
  /** Ends machines at once. */
  terminate(ids: readonly string[]): Promise<void>;
  /** Aborts when the driver sees the next machine end. */
  nextEnd?(): AbortSignal;
  /** Price of a machine that would be launched now; undefined if it is unknown. */
  hourlyUsd(): Promise<number | undefined>;
  /** What spot instances of all pools cost an hour, as it was read last. Absent if none may be launched or nothing is known. */
  readonly spot?: ControllerReport['spot'];
  /** Takes what the last controller knew of spot prices, until they are read again. */
  recall?(last: Pick<ControllerReport, 'spot'>): void;
  /** Takes what machines of each type do, to launch better ones first. */
  measured?(imagesPerSecondByType: Readonly<Record<string, number>>): void;
  /** The machine image that machines are launched from now. Absent if machines have none, or if it is known at the launch only. */
  readonly image?: string | undefined;
  /** For people: what limits launches now, such as a quota of the account. */
  readonly warnings?: readonly string[];
  /** For people: what is known of the failure of a machine that never worked, in sentences; undefined if nothing is. */
  explain?(id: string): Promise<string | undefined>;
}

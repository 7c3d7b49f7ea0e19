/** The fleet driver's contract: what launches and ends workers, whatever they run on. */

/** A machine as its driver knows it, without asking the worker. */
export interface FleetMember {
  /** Also the id of its worker, whose status is `fleet/<id>.json`. */
  id: string;
  /** `stopped`: of the warm pool. `draining`: was told to end. */
  state: 'running' | 'draining' | 'stopped';
  launchedAtMs: number;
  /** Price of its hour, where it is known. */
  hourlyUsd?: number;
  /** Past this it is to be ended, whatever it says. */
  expiresAtMs?: number;
  /** For people: instance type, zone, market. */
  kind?: string;
  /** Asked for, not there yet, and later than usual: why, as far as the cloud says. */
  lateBecause?: string;
}

export interface LaunchRequest {
  count: number;
  /** The epoch and number of the decision, such as "7-1". Cloud drivers tag their machines with it. */
  decision: string;
}

/** What became of a launch: every machine that was asked for is in exactly one of the three. */
export interface LaunchAnswer {
  started: readonly string[];
  /** Not now: no capacity, a limit that passes. */
  retryable?: { count: number; why: string };
  /** Never, until a person changes something. */
  permanent?: { count: number; why: string };
}

export interface FleetDriver {
  /**
   * Every machine of the cluster that works, will work, or costs money; those just launched included, also where the
   * cloud does not list them yet. @throws {ImgclsError} when it cannot be read.
   */
  members(signal?: AbortSignal): Promise<FleetMember[]>;
  /** @throws {ImgclsError} when what became of the launch is not known; the next launch settles that first. */
  launch(request: LaunchRequest): Promise<LaunchAnswer>;
  /** Takes them out of service: they finish what they have begun, then end. Repeating it does no harm. */
  retire(ids: readonly string[]): Promise<void>;
  /** Ends them at once. */
  terminate(ids: readonly string[]): Promise<void>;
  /** Price of a machine that would be launched now; undefined where it is not known. */
  hourlyUsd(): Promise<number | undefined>;
}

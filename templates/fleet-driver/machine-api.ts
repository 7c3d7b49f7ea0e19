/** What the driver needs of a provider. Write it with the provider's SDK, in a folder of its own (as src/aws/ is). */

export interface RentedMachine {
  id: string;
  /** `stopping`: its worker drains. A machine that has ended is not listed. */
  state: 'running' | 'stopping';
  startedAtMs: number;
  /** For people, such as "4 vCPUs, Frankfurt". */
  type: string;
}

export interface MachineApi {
  /** All machines of the cluster, from the moment of their start: filter by a tag that `start` sets. */
  list(signal?: AbortSignal): Promise<RentedMachine[]>;
  /**
   * Starts a machine that runs `imgcls worker --managed --id ID`, with its own id. The same token starts no second one.
   * @throws {NoCapacityError} @throws {RefusedError}
   */
  start(request: { token: string }): Promise<RentedMachine>;
  /** Sends SIGTERM to the worker. Does nothing for an unknown machine. */
  stop(id: string): Promise<void>;
  /** Ends the machine at once. Does nothing for an unknown machine. */
  end(id: string): Promise<void>;
}

/** The provider has no machine now. The controller asks again. */
export class NoCapacityError extends Error {}

/** The provider refuses, until a person changes something: a quota, a permission, an unpaid bill. */
export class RefusedError extends Error {}

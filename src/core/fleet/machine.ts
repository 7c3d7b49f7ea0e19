/** `spot`: EC2 reclaims the machine in two minutes. `rebalance`: EC2 is likely to reclaim it. */
export type Interruption = 'spot' | 'rebalance';

/** The machine of a worker, if it is the worker's own and ends with it. */
export interface OwnMachine {
  /** Also the worker's id. */
  id: string;
  /** From the launch request, and from the kernel's start, to the start of this process. */
  boot: { launchToProcessMs?: number; kernelToProcessMs: number };
  /** Resolves when the machine is about to be reclaimed, or with undefined if the signal aborts first. */
  interruption(signal: AbortSignal): Promise<Interruption | undefined>;
  /** Ends the machine. @throws {ImgclsError} if that is not allowed. */
  end(): Promise<void>;
  /**
   * Turns the scale-in protection of the machine on or off. Only for machines of an Auto Scaling group.
   * @throws {ImgclsError} if that is not allowed, or the machine is not in service.
   */
  protect?(isProtected: boolean, signal: AbortSignal): Promise<void>;
}

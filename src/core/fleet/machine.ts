/** `spot`: EC2 reclaims the machine in two minutes. `rebalance`: EC2 may reclaim it at some time, or never. */
export type MachineNotice = 'spot' | 'rebalance';

/** The machine of a worker, if it is the worker's own and ends with it. */
export interface OwnMachine {
  /** Also the worker's id. */
  id: string;
  /** From the launch request, and from the kernel's start, to the start of this process. */
  boot: { launchToProcessMs?: number; kernelToProcessMs: number };
  /**
   * Resolves when the machine is about to be reclaimed, with true, or with false if the signal aborts first.
   * @param onRebalance called once if the machine may be reclaimed. It goes on: a batch takes seconds, and two minutes are left.
   */
  isReclaimed(signal: AbortSignal, onRebalance: () => void): Promise<boolean>;
  /** Ends the machine. @throws {ImgclsError} if that is not allowed. */
  end(): Promise<void>;
  /**
   * Turns the scale-in protection of the machine on or off. Only for machines of an Auto Scaling group.
   * @throws {ImgclsError} if that is not allowed, or the machine is not in service.
   */
  protect?(isProtected: boolean, signal: AbortSignal): Promise<void>;
}

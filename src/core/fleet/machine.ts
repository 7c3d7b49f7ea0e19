/** `spot`: the machine is taken back in two minutes. `rebalance`: it is likely to be. */
export type Interruption = 'spot' | 'rebalance';

/** The machine that a worker of a fleet runs on, where it is the worker's own and ends with it. */
export interface OwnMachine {
  /** Its id is the worker's, too. */
  id: string;
  /** From the launch request, and from the kernel's start, to the start of this process. */
  boot: { launchToProcessMs?: number; kernelToProcessMs: number };
  /** Resolves when the machine is about to be taken back; undefined when the signal aborts first. */
  interruption(signal: AbortSignal): Promise<Interruption | undefined>;
  /** Ends the machine. @throws {ImgclsError} where that is not allowed. */
  end(): Promise<void>;
  /**
   * Of a group that others may make smaller: keeps it from choosing this machine, or no longer.
   * @throws {ImgclsError} where that is not allowed, or the machine is not in service.
   */
  protect?(isProtected: boolean, signal: AbortSignal): Promise<void>;
}

import * as z from 'zod';

/** A process. `machine` is equal for processes that share a table of process ids. */
export const locatedProcess = z.object({
  machine: z.string(),
  pid: z.int().positive(),
  /** Ticks from the start of the system to the start of the process. Absent if the system does not provide it. */
  startTicks: z.string().optional(),
});
export type LocatedProcess = z.infer<typeof locatedProcess>;

/** The processes of this machine: those that hold a lock or a lease record themselves with it. */
export interface KnownProcesses {
  own: LocatedProcess;
  /** Whether that process has certainly ended. False for one of another machine, or one that this user cannot see. */
  hasEnded(process: LocatedProcess): boolean;
}

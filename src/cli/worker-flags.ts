/** Flags of `imgcls worker`, as parsed. */
export interface WorkerFlags {
  once?: boolean;
  idleExit?: number;
  runners?: number;
  id?: string;
  managed?: boolean;
  cluster?: string;
  dataDir?: string;
}

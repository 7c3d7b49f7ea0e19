/** What launches and ends workers, whatever they run on. */
export interface Fleet {
  /** Workers that take work or soon will: booting ones count, draining ones do not. */
  capacity(): Promise<number>;
  /** Starts one worker. @throws {ImgclsError} of kind `permanent` when workers keep failing to start. */
  launch(): Promise<void>;
  /** Lets every worker that a controller started finish what it has begun, and resolves when all have ended. */
  drain(): Promise<void>;
}

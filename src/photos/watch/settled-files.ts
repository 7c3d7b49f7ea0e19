/** A file as a scan of the folder found it. */
export interface FoundFile {
  path: string;
  /** Size and time of modification: they change while the file is written. */
  signature: string;
}

type Changing = Map<string, { signature: string; sinceMs: number }>;

/** Tells which files of a watched folder are new and complete: their size and time of modification rest. */
export class SettledFiles {
  readonly #settleMs: number;
  readonly #handled = new Map<string, string>();
  #changing: Changing = new Map();

  /** @param handled files that an earlier process has labelled. */
  constructor(settleMs: number, handled: Iterable<FoundFile>) {
    this.#settleMs = settleMs;
    for (const file of handled) this.markHandled(file);
  }

  markHandled({ path, signature }: FoundFile): void {
    this.#handled.set(path, signature);
    this.#changing.delete(path);
  }

  /**
   * Takes note of one scan of the folder.
   * @param isWhole whether all of the folder could be read. If not, files that were not found may still be there.
   * @returns the files that are complete and were not handled, at most `limit` of them.
   */
  async settled(
    found: AsyncIterable<FoundFile>,
    { nowMs, limit, isWhole }: { nowMs: number; limit: number; isWhole(): boolean },
  ): Promise<FoundFile[]> {
    const changing: Changing = new Map();
    const gone = new Set(this.#handled.keys());
    const settled: FoundFile[] = [];
    for await (const file of found) {
      const { path, signature } = file;
      gone.delete(path);
      if (this.#handled.get(path) === signature) continue;
      const before = this.#changing.get(path);
      const sinceMs = before?.signature === signature ? before.sinceMs : nowMs;
      changing.set(path, { signature, sinceMs });
      if (nowMs - sinceMs >= this.#settleMs && settled.length < limit) settled.push(file);
    }
    this.#changing = changing;
    if (isWhole()) for (const path of gone) this.#handled.delete(path);
    return settled;
  }
}

/** Releases what was made, last first; each one is attempted though others fail. */
export class Cleanup {
  #releases: (() => Promise<void> | void)[] = [];

  add(release: () => Promise<void> | void): void {
    this.#releases.push(release);
  }

  /** @throws {AggregateError} when a release failed, after all were attempted. */
  async run(): Promise<void> {
    const errors: unknown[] = [];
    for (let release = this.#releases.pop(); release !== undefined; release = this.#releases.pop()) {
      try {
        await release();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, 'Not everything could be released.');
  }
}

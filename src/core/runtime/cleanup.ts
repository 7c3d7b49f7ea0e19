/** Releases resources in reverse order. A release that fails does not stop the others. */
export class Cleanup {
  #releases: (() => Promise<void> | void)[] = [];

  add(release: () => Promise<void> | void): void {
    this.#releases.push(release);
  }

  /** @throws {AggregateError} after all releases, if one failed. */
  async run(): Promise<void> {
    const errors: unknown[] = [];
    for (let release = this.#releases.pop(); release !== undefined; release = this.#releases.pop()) {
      try {
        await release();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, 'Could not release all resources.');
  }
}

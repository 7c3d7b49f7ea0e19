/**
 * The order in which a worker's images go to its runners. Jobs take turns, as they do in the queue: an image of a small job
 * does not wait for all images of a large one that were received before it.
 */
export class JobTurns {
  #serving = 0;
  /** The last turn of each job that has turns left. */
  readonly #lastTurns = new Map<string, number>();

  /** @returns the first of so many turns for a job. */
  take(job: string, turns: number): number {
    for (const [other, last] of this.#lastTurns) if (last <= this.#serving) this.#lastTurns.delete(other);
    const last = this.#lastTurns.get(job) ?? this.#serving;
    this.#lastTurns.set(job, last + turns);
    return last + 1;
  }

  /** An image that has this turn went to a runner. */
  serve(turn: number): void {
    this.#serving = Math.max(this.#serving, turn);
  }
}

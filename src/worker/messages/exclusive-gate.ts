import { WaitingLine } from '../../core/runtime/waiting-line.ts';

/** Batches take a turn together with others, or alone; in the order in which they ask, so that none waits for ever. */
export class ExclusiveGate {
  #together = 0;
  #alone = false;
  readonly #line = new WaitingLine<{ alone: boolean }>(() => this.#grant());

  /** Answers how to end the turn. Rejects with the signal's reason when that aborts before the turn has come. */
  async take(alone: boolean, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    const turn = this.#line.wait({ alone }, signal);
    this.#grant();
    await turn;
    return () => {
      if (alone) this.#alone = false;
      else this.#together--;
      this.#grant();
    };
  }

  #grant(): void {
    for (let next = this.#line.first; next !== undefined; next = this.#line.first) {
      if (this.#alone || (next.alone && this.#together > 0)) return;
      if (next.alone) this.#alone = true;
      else this.#together++;
      this.#line.admitFirst();
    }
  }
}

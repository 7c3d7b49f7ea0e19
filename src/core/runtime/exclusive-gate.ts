import { WaitingLine } from './waiting-line.ts';

export type Access = 'shared' | 'exclusive';

const NEVER = new AbortController().signal;

/** Admits callers together, or one alone, in the order in which they ask: none waits for ever. */
export class ExclusiveGate {
  #shared = 0;
  #exclusive = false;
  readonly #line = new WaitingLine<Access>(() => this.#admit());

  /**
   * Resolves once admitted, with a function to leave. Rejects with the signal's reason if that aborts first.
   * @param access `exclusive` waits until all others have left, and keeps others out.
   */
  async enter(access: Access, signal: AbortSignal = NEVER): Promise<() => void> {
    signal.throwIfAborted();
    const admitted = this.#line.wait(access, signal);
    this.#admit();
    await admitted;
    return () => {
      if (access === 'exclusive') this.#exclusive = false;
      else this.#shared--;
      this.#admit();
    };
  }

  #admit(): void {
    for (let next = this.#line.first; next !== undefined; next = this.#line.first) {
      if (this.#exclusive || (next === 'exclusive' && this.#shared > 0)) return;
      if (next === 'exclusive') this.#exclusive = true;
      else this.#shared++;
      this.#line.admitFirst();
    }
  }
}

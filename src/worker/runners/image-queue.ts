import { type EncodedImage, isSameClassifier, type RunnerRequest } from '../../core/model/runner-protocol.ts';

/** One image to classify, with what its model runner needs to know. */
export interface Work {
  image: EncodedImage;
  model: RunnerRequest['model'];
  topK: number;
  /** Images with earlier turns go first. */
  turn: number;
  /** One object for all images of a batch, for logs and metrics; absent outside of a worker. */
  batch?: { logFields: object; modelTitle: string };
}

/** Images that wait for a runner, turn by turn. */
export class ImageQueue<T extends Work> {
  readonly #waiting: T[] = [];

  get size(): number {
    return this.#waiting.length;
  }

  /** Adds an image behind those of its own and of earlier turns. */
  add(work: T): void {
    let at = this.#waiting.length;
    while (at > 0 && (this.#waiting[at - 1]?.turn ?? 0) > work.turn) at--;
    this.#waiting.splice(at, 0, work);
  }

  /** Takes the first images, up to `max`, that fit into one request: same model, same number of labels. */
  take(max: number): T[] {
    const first = this.#waiting[0];
    if (first === undefined) return [];
    let count = 1;
    for (let next = this.#waiting[1]; next !== undefined && count < max; next = this.#waiting[count]) {
      if (!isSameClassifier(next.model, first.model) || next.topK !== first.topK) break;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  /** @returns false if the image does not wait here. */
  remove(work: T): boolean {
    const at = this.#waiting.indexOf(work);
    if (at >= 0) this.#waiting.splice(at, 1);
    return at >= 0;
  }

  takeAll(): T[] {
    return this.#waiting.splice(0);
  }
}

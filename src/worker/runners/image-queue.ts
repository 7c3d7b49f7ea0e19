import type { EncodedImage, RunnerRequest } from '../../core/model/runner-protocol.ts';

/** One image to classify, with what its model runner must know. */
export interface Work {
  image: EncodedImage;
  model: RunnerRequest['model'];
  topK: number;
  /** The place of its batch: earlier batches go first, so that few are half done at any time. */
  order: number;
  /** One object for all images of a batch, for the log and for figures; absent outside of a worker. */
  batch?: { about: object; modelTitle: string };
}

/** Images that wait for a runner, batch by batch. */
export class ChunkQueue<T extends Work> {
  readonly #waiting: T[] = [];

  get size(): number {
    return this.#waiting.length;
  }

  /** Behind all of its own and earlier batches. */
  add(work: T): void {
    let place = this.#waiting.length;
    while (place > 0 && (this.#waiting[place - 1]?.order ?? 0) > work.order) place--;
    this.#waiting.splice(place, 0, work);
  }

  /** The first images, up to `max`, that can go into one request: same model, same number of classes. */
  take(max: number): T[] {
    const first = this.#waiting[0];
    if (first === undefined) return [];
    let count = 1;
    for (let next = this.#waiting[1]; next !== undefined && count < max; next = this.#waiting[count]) {
      if (next.model.sha256 !== first.model.sha256 || next.topK !== first.topK) break;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  /** False where it is not waiting. */
  remove(work: T): boolean {
    const place = this.#waiting.indexOf(work);
    if (place >= 0) this.#waiting.splice(place, 1);
    return place >= 0;
  }

  takeAll(): T[] {
    return this.#waiting.splice(0);
  }
}

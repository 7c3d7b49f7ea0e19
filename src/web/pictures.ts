import {
  PICTURE_PIXELS,
  type PictureMaker,
  type PictureReply,
  type PictureSize,
} from '../core/model/picture.ts';
import { onAbort, unlessAborted, withTimeLimit } from '../core/runtime/abort.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { PICTURE_CACHE_BYTES, PICTURE_PLACES, PICTURE_WAIT_MS } from './limits.ts';
import { HttpProblem } from './problem.ts';
import { Shares } from './shares.ts';

interface Making {
  reply: Promise<PictureReply>;
  callers: number;
  /** Aborts when the last caller has gone while the image waits for its turn. */
  abandoned: AbortController;
}

/** Kept of an image that has no picture: a machine that was busy, or was lent a decoder, may make it later. */
const ERROR_KEPT_MS = 60_000;
/** An error is a sentence. */
const ERROR_BYTES = 500;

export interface PictureOrder {
  /** Who asks, for the share of the places. */
  caller: string;
  /** Names the content of the image. */
  content: string;
  size: PictureSize;
  read(): Promise<Uint8Array>;
}

/** Small pictures of images. Each is made once, also for callers who ask at the same time, and kept while there is room. */
export class Pictures {
  readonly #maker: PictureMaker;
  readonly #clock: Clock;
  readonly #making = new Map<string, Making>();
  readonly #kept = new Map<string, { reply: PictureReply; untilMs: number }>();
  readonly #places = new Shares({ total: PICTURE_PLACES, what: 'pictures under way', retryAfterSeconds: 1 });
  #keptBytes = 0;

  constructor(maker: PictureMaker, clock: Clock) {
    this.#maker = maker;
    this.#clock = clock;
  }

  /**
   * @param signal aborts when the caller has gone.
   * @throws {HttpProblem} 415 if there is no picture of the image, 429 or 503 if too much is under way.
   */
  async get(order: PictureOrder, signal: AbortSignal): Promise<Uint8Array> {
    const key = `${order.content} ${order.size}`;
    const reply = this.#find(key) ?? (await this.#made(key, order, signal));
    if ('jpeg' in reply) return reply.jpeg;
    if ('fault' in reply)
      throw new HttpProblem(503, 'The service could not make the picture.', {
        cause: new Error(reply.fault),
      });
    const { code, message } = reply.error;
    throw new HttpProblem(415, message, { code });
  }

  async #made(key: string, order: PictureOrder, signal: AbortSignal): Promise<PictureReply> {
    this.#places.take(order.caller, 1);
    try {
      return await withTimeLimit({ clock: this.#clock, ms: PICTURE_WAIT_MS, error: tooLate }, (late) =>
        this.#share(key, order, AbortSignal.any([signal, late])),
      );
    } finally {
      this.#places.giveBack(order.caller, 1);
    }
  }

  /** Makes the picture, or waits with those for whom it is being made. */
  async #share(key: string, order: PictureOrder, signal: AbortSignal): Promise<PictureReply> {
    const making = this.#making.get(key) ?? this.#make(key, order);
    making.callers++;
    const leave = onAbort(signal, () => {
      if (--making.callers > 0) return;
      this.#making.delete(key);
      making.abandoned.abort();
    });
    try {
      return await unlessAborted(making.reply, signal);
    } finally {
      leave();
    }
  }

  #make(key: string, { size, read }: PictureOrder): Making {
    const abandoned = new AbortController();
    const reply = this.#maker.make({ longestSide: PICTURE_PIXELS[size], read }, abandoned.signal);
    const making = { reply, callers: 0, abandoned };
    this.#making.set(key, making);
    const forget = () => {
      if (this.#making.get(key) === making) this.#making.delete(key);
    };
    void reply.then((made) => this.#keep(key, made)).then(forget, forget);
    return making;
  }

  #find(key: string): PictureReply | undefined {
    const kept = this.#kept.get(key);
    if (kept === undefined) return undefined;
    // Map order is LRU order.
    this.#kept.delete(key);
    if (kept.untilMs > this.#clock.monotonicMs()) this.#kept.set(key, kept);
    else this.#keptBytes -= bytesOf(kept.reply);
    return this.#kept.get(key)?.reply;
  }

  #keep(key: string, reply: PictureReply): void {
    if ('fault' in reply) return;
    const untilMs = 'jpeg' in reply ? Number.POSITIVE_INFINITY : this.#clock.monotonicMs() + ERROR_KEPT_MS;
    this.#keptBytes += bytesOf(reply) - bytesOf(this.#kept.get(key)?.reply);
    this.#kept.set(key, { reply, untilMs });
    for (const [oldest, { reply: dropped }] of this.#kept) {
      if (this.#keptBytes <= PICTURE_CACHE_BYTES) return;
      this.#kept.delete(oldest);
      this.#keptBytes -= bytesOf(dropped);
    }
  }
}

const bytesOf = (reply: PictureReply | undefined): number =>
  reply === undefined ? 0 : 'jpeg' in reply ? reply.jpeg.byteLength : ERROR_BYTES;

const tooLate = (): HttpProblem =>
  new HttpProblem(503, 'Other pictures took all of the time.', { hint: 'Try again later.' });

import { Readable } from 'node:stream';
import type { Subscriber } from './job-hub.ts';

/** Bytes that a reader may leave unread. A slower one is disconnected; it reconnects and gets a snapshot. */
const MAX_UNREAD_BYTES = 1024 * 1024;
const HEARTBEAT_MS = 15_000;

/** Server-sent events of one job for one reader. Ends when the job is deleted or the reader disconnects. */
export class EventStream extends Readable implements Subscriber {
  readonly #heartbeat: NodeJS.Timeout;

  constructor() {
    super({ highWaterMark: MAX_UNREAD_BYTES });
    this.#heartbeat = setInterval(() => this.#write(': heartbeat\n\n'), HEARTBEAT_MS);
    this.#heartbeat.unref();
    // Headers leave with the first bytes, and a browser fires `open` when it has them.
    this.#write('retry: 2000\n\n');
  }

  snapshot(event: object): void {
    this.#event('snapshot', event);
  }

  progress(event: object): void {
    this.#event('progress', event);
  }

  gone(): void {
    this.#event('gone', {});
    this.push(null);
  }

  override _read(): void {}

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    clearInterval(this.#heartbeat);
    done(error);
  }

  #event(name: string, data: object): void {
    this.#write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  #write(text: string): void {
    if (this.destroyed || this.readableEnded) return;
    if (this.readableLength > MAX_UNREAD_BYTES) this.destroy();
    else this.push(text);
  }
}

import { Readable } from 'node:stream';
import type { Subscriber } from './job-hub.ts';

/** What a reader may leave unread; one that falls back further is cut off, comes again, and gets a snapshot. */
const UNREAD_BYTES = 1024 * 1024;
const HEARTBEAT_MS = 15_000;

/** Server-sent events of one job for one reader. Ends when the job is gone, and with the reader. */
export class EventStream extends Readable implements Subscriber {
  readonly #heartbeat: NodeJS.Timeout;

  constructor() {
    super({ highWaterMark: UNREAD_BYTES });
    this.#heartbeat = setInterval(() => this.#write(': still here\n\n'), HEARTBEAT_MS);
    this.#heartbeat.unref();
    // The first bytes tell the reader's browser that the connection stands.
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
    if (this.readableLength > UNREAD_BYTES) this.destroy();
    else this.push(text);
  }
}

import type { IncomingMessage } from 'node:http';
import type { ImageError } from '../../core/model/outcome.ts';
import { retryAfterMs } from '../../core/network/answers.ts';
import { type Closeness, closenessOf } from '../../core/network/closeness.ts';
import { faultOfAddress } from '../../core/network/web-address.ts';
import { withTimeLimit } from '../../core/runtime/abort.ts';
import type { Clock } from '../../core/runtime/clock.ts';
import { type RetryTools, retry } from '../../core/runtime/retry.ts';
import { closestAllowed } from './allowed-hosts.ts';
import { cannotFetch, FetchError, failureOf, refusedBy } from './fetch-error.ts';
import { type FetchedImage, readImage } from './fetched-image.ts';
import { HostTurns } from './host-turns.ts';
import { Connections, type ConnectionsOptions } from './request.ts';

export interface ImageFetcherOptions extends Pick<RetryTools, 'random'>, ConnectionsOptions {
  clock: Pick<Clock, 'monotonicMs' | 'sleep'>;
  maxImageBytes: number;
  /** Hosts that may be asked, see {@link closestAllowed}. Absent: all. */
  allowUrls?: readonly string[] | undefined;
}

/** For the name, the connection, and the first byte of a response. */
const ANSWER_MS = 20_000;
/** For a whole image: 64 MiB at 4.5 Mbit/s. */
const IMAGE_MS = 120_000;
/** Addresses of photographs redirect once or twice. */
const MAX_REDIRECTS = 5;
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];
/** A server that is busy now and again in seconds is asked later, by the user's "imgcls retry". */
const RETRIES = { maxRetries: 2, baseMs: 1000, maxMs: 10_000 };

/** Where a request goes. */
interface Target {
  url: URL;
  closest: Closeness;
}

/** Fetches the images of one job from the web. */
export class ImageFetcher {
  readonly #options: ImageFetcherOptions;
  readonly #connections: Connections;
  readonly #turns: HostTurns;

  constructor(options: ImageFetcherOptions) {
    this.#options = options;
    this.#connections = new Connections(options);
    this.#turns = new HostTurns(options.clock);
  }

  /** @returns the error of the image's outcome if the address gives no image. @throws the signal's reason. */
  async fetch(address: string, signal: AbortSignal): Promise<FetchedImage | ImageError> {
    const { clock, random } = this.#options;
    const mayRetry = (error: unknown) => error instanceof FetchError && error.mayRetry;
    try {
      return await retry(
        () => this.#follow(address, signal),
        { ...RETRIES, mayRetry },
        { clock, random, signal },
      );
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof FetchError)) throw error;
      const { code, message } = error;
      return { code, message };
    }
  }

  close(): void {
    this.#connections.close();
  }

  /** Follows redirects, but none to a host that is closer than the one before: a public server must not lead into a private network. */
  async #follow(address: string, signal: AbortSignal): Promise<FetchedImage> {
    let target = this.#targetOf(address, 2);
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const found = await this.#ask(target, signal);
      if (!('url' in found)) return found;
      target = found;
    }
    throw cannotFetch(`it redirects more than ${MAX_REDIRECTS} times`);
  }

  /** @throws {FetchError} if the address is wrong, or its host not allowed. */
  #targetOf(address: string, closest: Closeness): Target {
    const fault = faultOfAddress(address);
    if (fault !== undefined) throw cannotFetch(`"${address}" ${fault}`);
    const url = new URL(address);
    const allowed = closestAllowed(url, this.#options.allowUrls);
    if (allowed === undefined) throw cannotFetch(`the service may not fetch from ${url.host}`);
    return { url, closest: allowed < closest ? allowed : closest };
  }

  /** @returns the image, or where the server redirects. */
  async #ask(target: Target, signal: AbortSignal): Promise<FetchedImage | Target> {
    const { host } = target.url;
    return await this.#turns.run(host, signal, async () => {
      if (this.#turns.isSilent(host)) throw cannotFetch(`${host} has not answered several times in a row`);
      const found = await this.#listen(host, signal, () => this.#load(target, signal));
      return 'sha256' in found ? found : this.#redirectOf(target, found);
    });
  }

  /** Notes whether the server answers. One that begins an image and never ends it does not: it would hold up the job, too. */
  async #listen<T>(host: string, signal: AbortSignal, load: () => Promise<T>): Promise<T> {
    try {
      const found = await load();
      this.#turns.noteAnswer(host);
      return found;
    } catch (error) {
      signal.throwIfAborted();
      const failure = failureOf(error);
      if (failure.mayRetry) this.#turns.noteSilence(host);
      else this.#turns.noteAnswer(host);
      throw failure;
    }
  }

  /** @returns the image, or a response that has none. */
  async #load({ url, closest }: Target, signal: AbortSignal): Promise<FetchedImage | IncomingMessage> {
    return await this.#within(IMAGE_MS, signal, async (whole) => {
      const response = await this.#within(
        ANSWER_MS,
        whole,
        async (early) => await this.#connections.get(url, { closest, signal: early }),
      );
      const { statusCode = 0 } = response;
      const hasImage = statusCode >= 200 && statusCode < 300;
      return hasImage ? await readImage(response, this.#options.maxImageBytes) : response;
    });
  }

  /** @throws {FetchError} if the server refuses the image. */
  #redirectOf({ url, closest }: Target, response: IncomingMessage): Target {
    const { statusCode = 0, headers, socket } = response;
    const { location } = headers;
    const { remoteAddress } = socket;
    response.destroy();
    if (!REDIRECTS.includes(statusCode) || location === undefined)
      throw this.#refusalOf(url.host, statusCode, headers['retry-after']);
    const to = URL.parse(location, url.href);
    if (to === null) throw cannotFetch(`${url.host} redirects to no address`);
    const from = remoteAddress === undefined ? 0 : closenessOf(remoteAddress);
    return this.#targetOf(to.href, from < closest ? from : closest);
  }

  #refusalOf(host: string, status: number, retryAfter: string | undefined): FetchError {
    const refusal = refusedBy(host, status);
    const askedMs = retryAfterMs(retryAfter);
    if (askedMs === undefined || !refusal.mayRetry || this.#turns.pause(host, askedMs)) return refusal;
    return cannotFetch(`${host} asks to wait ${Math.ceil(askedMs / 1000)} s`);
  }

  /** Aborts the work after a time, with the error that a retry may help. */
  async #within<T>(ms: number, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const error = () => cannotFetch(`it took more than ${ms / 1000} s`, { mayRetry: true });
    return await withTimeLimit({ clock: this.#options.clock, ms, error }, async (late) => {
      try {
        return await work(AbortSignal.any([signal, late]));
      } catch (error) {
        if (!signal.aborted) late.throwIfAborted();
        throw error;
      }
    });
  }
}

import { lookup } from 'node:dns';
import type { ImageError } from '../../core/model/outcome.ts';
import type { ImageFetcher, ImageFetcherOptions } from './fetch-image.ts';
import type { FetchedImage } from './fetched-image.ts';

/** Loads the code for the web with the first image that needs it: most jobs have none. */
export class LazyFetcher {
  readonly #options: Omit<ImageFetcherOptions, 'lookup'>;
  readonly #unaborted = new AbortController().signal;
  #fetcher: Promise<ImageFetcher> | undefined;

  constructor(options: Omit<ImageFetcherOptions, 'lookup'>) {
    this.#options = options;
  }

  async fetch(address: string, signal: AbortSignal = this.#unaborted): Promise<FetchedImage | ImageError> {
    this.#fetcher ??= this.#load();
    return await (await this.#fetcher).fetch(address, signal);
  }

  async close(): Promise<void> {
    (await this.#fetcher)?.close();
  }

  async #load(): Promise<ImageFetcher> {
    const { ImageFetcher } = await import('./fetch-image.ts');
    return new ImageFetcher({ ...this.#options, lookup });
  }
}

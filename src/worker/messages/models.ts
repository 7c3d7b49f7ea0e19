import type { ModelRef } from '../../core/model/model.ts';
import type { ModelLocation } from '../../core/model/runner-protocol.ts';

/** Where models come from: resolves with where the files of the model are on this machine. */
export interface ModelSource {
  ensure(ref: ModelRef, signal?: AbortSignal): Promise<ModelLocation>;
}

/** The places of the models asked for so far: each is ensured once, and again only after a failure. */
export class ModelLocations {
  readonly #source: ModelSource;
  readonly #signal: AbortSignal;
  readonly #places = new Map<string, Promise<ModelLocation>>();

  /** @param signal ends downloads; a single batch that is given back does not, since others wait for the model too. */
  constructor(source: ModelSource, signal: AbortSignal) {
    this.#source = source;
    this.#signal = signal;
  }

  locate(ref: ModelRef): Promise<ModelLocation> {
    const known = this.#places.get(ref.sha256);
    if (known !== undefined) return known;
    const place = this.#source.ensure(ref, this.#signal);
    this.#places.set(ref.sha256, place);
    place.catch(() => this.forget(ref));
    return place;
  }

  /** The files turned out to be of no use: next time they are looked at anew. */
  forget(ref: ModelRef): void {
    this.#places.delete(ref.sha256);
  }
}

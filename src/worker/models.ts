import type { ModelRef } from '../core/model.ts';

/** Where models come from: resolves with the folder that holds the files of the model. */
export interface ModelSource {
  ensure(ref: ModelRef, signal?: AbortSignal): Promise<string>;
}

/** The folders of the models asked for so far: each is ensured once, and again only after a failure. */
export class ModelFolders {
  readonly #source: ModelSource;
  readonly #signal: AbortSignal;
  readonly #folders = new Map<string, Promise<string>>();

  /** @param signal ends downloads; a single batch that is given back does not, since others wait for the model too. */
  constructor(source: ModelSource, signal: AbortSignal) {
    this.#source = source;
    this.#signal = signal;
  }

  folder(ref: ModelRef): Promise<string> {
    const known = this.#folders.get(ref.sha256);
    if (known !== undefined) return known;
    const folder = this.#source.ensure(ref, this.#signal);
    this.#folders.set(ref.sha256, folder);
    folder.catch(() => this.forget(ref));
    return folder;
  }

  /** The files turned out to be of no use: next time they are looked at anew. */
  forget(ref: ModelRef): void {
    this.#folders.delete(ref.sha256);
  }
}

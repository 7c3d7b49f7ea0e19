import type { ModelRef } from '../../core/model/model.ts';
import type { ModelLocation } from '../../core/model/runner-protocol.ts';
import { classifierWith } from '../../core/model/words.ts';

/** Installs models: resolves with the location of the model's files on this machine. */
export interface ModelSource {
  ensure(ref: ModelRef, signal?: AbortSignal): Promise<ModelLocation>;
}

/** The locations of the models that were needed so far. Each model is ensured once, and again only after a failure. */
export class ModelLocations {
  readonly #source: ModelSource;
  readonly #signal: AbortSignal;
  readonly #locations = new Map<string, Promise<ModelLocation>>();
  readonly #classifiers = new Map<string, string | undefined>();

  /** @param signal ends downloads. The release of a single batch does not, since other batches wait for the model too. */
  constructor(source: ModelSource, signal: AbortSignal) {
    this.#source = source;
    this.#signal = signal;
  }

  locate(ref: ModelRef): Promise<ModelLocation> {
    const known = this.#locations.get(ref.sha256);
    if (known !== undefined) return known;
    const location = this.#source.ensure(ref, this.#signal);
    this.#locations.set(ref.sha256, location);
    location.then(
      ({ classifier }) => this.#classifiers.set(ref.sha256, classifier),
      () => this.forget(ref),
    );
    return location;
  }

  /** The digest of the classifier (see `ClassifiedBy`) that the model had when it was located last. */
  classifierOf(ref: ModelRef): string | undefined {
    const classifier = this.#classifiers.get(ref.sha256);
    return classifier && classifierWith(classifier, ref.words);
  }

  /** Has the model ensured again when it is needed next, because its files were unusable. */
  forget(ref: ModelRef): void {
    this.#locations.delete(ref.sha256);
  }
}

import type { ImageSource } from '../../core/job/job.ts';
import type { RequestMessage } from '../../core/job/messages.ts';
import { modelTitle } from '../../core/model/model.ts';
import { type ImageError, type ImageResult, isError, type Outcome } from '../../core/model/outcome.ts';
import type { EncodedImage, ModelLocation } from '../../core/model/runner-protocol.ts';
import { unlessAborted } from '../../core/runtime/abort.ts';
import { ImgclsError } from '../../core/runtime/errors.ts';
import { FORMAT } from '../../core/runtime/versioned.ts';
import type { RunnerPool } from '../runners/runner-pool.ts';
import { downloadsOf, type LocatedImage, type ReadImage } from './download.ts';
import type { ExclusiveGate } from './exclusive-gate.ts';
import type { HeldMessage } from './held-message.ts';
import type { ModelLocations } from './models.ts';
import { type RetryOptions, withRetries } from './retry.ts';

export interface ClassifyTools extends Omit<RetryOptions, 'signal'> {
  gate: ExclusiveGate;
  models: ModelLocations;
  pool: RunnerPool;
  /** An image that lies in a file of this machine; undefined where it has to be downloaded. */
  locate(image: ImageSource, signal: AbortSignal): Promise<LocatedImage | undefined>;
  download: ReadImage;
}

/** A message received so often was in the hands of workers that ended: it must not take others' images with it. */
const ALONE_FROM_RECEIVES = 3;

/** What is to be classified, and how. */
type ImagesAsked = Pick<RequestMessage, 'model' | 'topK' | 'images'>;

/** One outcome an image, in the order of the request. Errors of the world are thrown once none of its images is in work. */
export async function classifyBatch(
  batch: HeldMessage,
  request: ImagesAsked,
  tools: ClassifyTools,
): Promise<Outcome[]> {
  const isAlone = batch.message.receiveCount >= ALONE_FROM_RECEIVES;
  const endTurn = await tools.gate.take(isAlone, batch.signal);
  try {
    const results = await classifyImages(batch, request, tools);
    const model = modelTitle(request.model);
    return request.images.map(({ index, name }, place): Outcome => {
      const result = results[place];
      if (result === undefined) throw new Error(`Image ${index} has no result.`);
      return isError(result)
        ? { v: FORMAT, index, name, error: result.error }
        : { v: FORMAT, index, name, ...result, model };
    });
  } finally {
    endTurn();
  }
}

async function classifyImages(
  batch: HeldMessage,
  request: ImagesAsked,
  tools: ClassifyTools,
): Promise<ImageResult[]> {
  const { images } = request;
  const readable = images.filter((image) => !isError(image)).length;
  if (readable === 0) return images.flatMap((image) => (isError(image) ? { error: image.error } : []));

  tools.pool.expect(readable);
  const model = await modelPlace(batch, request, tools);
  const failure = new AbortController();
  const signal = AbortSignal.any([batch.signal, failure.signal]);
  const download = downloadsOf(images, tools.download);
  const from = { about: batch.about, modelTitle: modelTitle(request.model) };
  const classifyOne = async (image: (typeof images)[number]): Promise<ImageResult> => {
    if (isError(image)) return { error: image.error };
    if ('error' in model) return model;
    const classify = async (encoded: EncodedImage, release: () => void) => {
      try {
        const work = { image: encoded, model, topK: request.topK, order: batch.order, batch: from };
        return await tools.pool.classify(work, { signal, onBegin: () => batch.begin() });
      } finally {
        release();
      }
    };
    try {
      const located = await tools.locate(image, signal);
      if (located !== undefined) {
        const result = await classify(located.file, located.release);
        // It may have been replaced by the same, or deleted, since it was located.
        if (!isError(result) || result.error.code !== 'missing') return result;
      }
      const found = await download(image, signal);
      return 'error' in found ? found : await classify(found.bytes, found.release);
    } catch (error) {
      // The batch comes again as a whole: its other images need not wait for their turn.
      failure.abort(error);
      throw error;
    }
  };
  const settled = await Promise.allSettled(images.map(classifyOne));
  batch.signal.throwIfAborted();
  failure.signal.throwIfAborted();
  const results = settled.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
  if (results.some((result) => isError(result) && result.error.code === 'model_unavailable')) {
    tools.models.forget(request.model);
  }
  return results;
}

/** Where the model is, or what every image gets where there is no such model. */
async function modelPlace(
  batch: HeldMessage,
  { model }: ImagesAsked,
  tools: ClassifyTools,
): Promise<ModelLocation | { error: ImageError }> {
  const { signal } = batch;
  try {
    return await withRetries(() => unlessAborted(tools.models.locate(model), signal), { ...tools, signal });
  } catch (error) {
    if (!(error instanceof ImgclsError) || error.kind === 'transient') throw error;
    return { error: { code: 'model_unavailable', message: error.message } };
  }
}

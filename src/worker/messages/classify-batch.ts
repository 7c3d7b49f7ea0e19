import type { ImageSource } from '../../core/job/job.ts';
import type { BatchPlace } from '../../core/job/keys.ts';
import type { RequestMessage } from '../../core/job/messages.ts';
import { modelTitle } from '../../core/model/model.ts';
import { type ImageError, isError, type Outcome } from '../../core/model/outcome.ts';
import type { EncodedImage, ModelLocation } from '../../core/model/runner-protocol.ts';
import { either, unlessAborted } from '../../core/runtime/abort.ts';
import { isTransient, ModelMissingError, messageOf } from '../../core/runtime/errors.ts';
import type { ExclusiveGate } from '../../core/runtime/exclusive-gate.ts';
import { asMachineFault, MachineFaultError } from '../../core/runtime/machine-fault.ts';
import { FORMAT } from '../../core/runtime/versioned.ts';
import type { RunnerPool } from '../runners/runner-pool.ts';
import { downloadsOf, type LocatedImage, type ReadImage } from './download.ts';
import type { HeldMessage } from './held-message.ts';
import type { ModelLocations } from './models.ts';
import { withRetries } from './retry.ts';
import { type FaultTools, type ResultOrFault, withoutFaults } from './without-faults.ts';
import { type ReadWords, wrongLabels } from './words.ts';

export interface ClassifyTools extends FaultTools {
  /** Called when the batch is admitted: from now on it counts as begun. */
  onAdmitted?(held: HeldMessage, place: BatchPlace): Promise<void>;
  gate: ExclusiveGate;
  models: ModelLocations;
  pool: RunnerPool;
  /** The local file of an image; undefined if the image has to be downloaded. */
  locate(image: ImageSource, signal: AbortSignal): Promise<LocatedImage | undefined>;
  download: ReadImage;
  /** The labels that a job brings itself. @throws {ModelMissingError} */
  readWords: ReadWords;
}

/** From this receive count on, a message may be what ended its workers: it runs alone, to spare the images of others. */
const ALONE_FROM_RECEIVES = 3;

interface ImagesToClassify extends Pick<RequestMessage, 'model' | 'topK' | 'images'> {
  place: BatchPlace;
  /** Aborts when the outcomes are no longer wanted: then runners in which the images hang are killed. */
  deadline?: AbortSignal;
}

/**
 * One outcome an image, in the order of the request. A transient error is thrown only when none of its images is in a runner.
 * @throws {MachineFaultError} if this machine failed, unless enough workers have failed at the batch.
 */
export async function classifyBatch(
  held: HeldMessage,
  request: ImagesToClassify,
  tools: ClassifyTools,
): Promise<Outcome[]> {
  const access = held.message.receiveCount >= ALONE_FROM_RECEIVES ? 'exclusive' : 'shared';
  const leave = await tools.gate.enter(access, signalFor(held, request));
  try {
    await tools.onAdmitted?.(held, request.place);
    const found = await classifyImages(held, request, tools);
    const results = await withoutFaults(held, request.place, found, tools);
    const model = modelTitle(request.model);
    return request.images.map(({ index, name }, at): Outcome => {
      const result = results[at];
      if (result === undefined) throw new Error(`Image ${index} has no result.`);
      return isError(result)
        ? { v: FORMAT, index, name, error: result.error }
        : { v: FORMAT, index, name, ...result, model };
    });
  } finally {
    leave();
  }
}

async function classifyImages(
  held: HeldMessage,
  request: ImagesToClassify,
  tools: ClassifyTools,
): Promise<ResultOrFault[]> {
  const { images } = request;
  const readable = images.filter((image) => !isError(image)).length;
  if (readable === 0) return images.flatMap((image) => (isError(image) ? { error: image.error } : []));

  tools.pool.expect(readable);
  const model = await locateModel(held, request, tools);
  const { deadline } = request;
  const failure = new AbortController();
  const signal = AbortSignal.any([signalFor(held, request), failure.signal]);
  const download = downloadsOf(images, tools.download);
  const batch = { logFields: held.logFields, modelTitle: modelTitle(request.model) };
  const classifyOne = async (image: (typeof images)[number], place: number): Promise<ResultOrFault> => {
    if (isError(image)) return { error: image.error };
    if (model instanceof MachineFaultError || 'error' in model) return model;
    const classify = async (encoded: EncodedImage, release: () => void) => {
      try {
        const work = { image: encoded, model, topK: request.topK, turn: held.turnOf(place), batch };
        return await tools.pool.classify(work, { signal, deadline, onBegin: () => held.beginImage(place) });
      } finally {
        release();
      }
    };
    try {
      const located = await tools.locate(image, signal);
      if (located !== undefined) {
        const result = await classify(located.file, located.release);
        // The file may have been deleted, or replaced by an identical one, since it was located.
        if (!isError(result) || result.error.code !== 'missing') return result;
      }
      const found = await download(image, signal);
      return 'error' in found ? found : await classify(found.bytes, found.release);
    } catch (error) {
      if (error instanceof MachineFaultError) return error;
      // The whole batch will be redelivered: stop its other images.
      failure.abort(error);
      throw error;
    }
  };
  const settled = await Promise.allSettled(
    images.map((image, place) => classifyOne(image, place).finally(() => held.imageDone())),
  );
  held.signal.throwIfAborted();
  failure.signal.throwIfAborted();
  const results = settled.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
  // Its files may be at fault: they are checked again, or fetched, before the next use.
  if (results.some((result) => result instanceof MachineFaultError && result.code === 'model_unavailable'))
    tools.models.forget(request.model);
  return results;
}

/** Aborts when the work on these images must stop. */
const signalFor = (held: HeldMessage, { deadline }: ImagesToClassify): AbortSignal =>
  either(held.signal, deadline) ?? held.signal;

/**
 * The location of the model; the error that every image gets if no machine can have the model; or the fault of this
 * machine that keeps the model from it.
 */
async function locateModel(
  held: HeldMessage,
  request: ImagesToClassify,
  tools: ClassifyTools,
): Promise<ModelLocation | { error: ImageError } | MachineFaultError> {
  const { model } = request;
  const signal = signalFor(held, request);
  try {
    const retrying = { ...tools, signal };
    const located = await withRetries(() => unlessAborted(tools.models.locate(model), signal), retrying);
    if ((located.needsWords === true) !== (model.words !== undefined)) throw wrongLabels(model);
    if (model.words === undefined) return located;
    const pinned = { job: request.place.job, sha256: model.words };
    return { ...located, words: await withRetries(() => tools.readWords(pinned, signal), retrying) };
  } catch (error) {
    if (signal.aborted || (isTransient(error) && asMachineFault(error) === undefined)) throw error;
    if (error instanceof ModelMissingError)
      return { error: { code: 'model_unavailable', message: error.message } };
    const message = `This machine cannot load the model ${modelTitle(model)}: ${messageOf(error)}`;
    return new MachineFaultError('model_unavailable', message, { cause: error });
  }
}

// Decodes an image to the pixels of the model's input.

import type { Prediction } from '../../core/model/outcome.ts';
import { ExclusiveGate } from '../../core/runtime/exclusive-gate.ts';
import { MachineFaultError } from '../../core/runtime/machine-fault.ts';
import { decodedShare } from './damage.ts';
import { DecodeError } from './decode-error.ts';
import {
  type DecodeLimits,
  explainFailure,
  explainTimeout,
  isShortage,
  isTimeout,
} from './decode-failure.ts';
import { firstFramesOf, hasFrames } from './first-frame/first-frame.ts';
import { isAboutDamage, readsCleanly, remarksOnData } from './jpeg-data.ts';
import {
  type Attempt,
  checkedHeader,
  decodePixels,
  forgetRemarks,
  type Pixels,
  type Target,
} from './pixels.ts';
import { decodePlainJpeg } from './plain-jpeg/plain-jpeg.ts';
import { type ImageSource, imageSourceOf } from './source.ts';
import { isUniform } from './uniform.ts';

/** If the shorter side is below this, labels are unreliable. */
const LOW_RESOLUTION_PIXELS = 96;

/** An image of which less is left gets no label. */
const MIN_DECODED_SHARE = 0.5;

/** An animation may begin with a blank frame; a fade takes some more. */
const MAX_FRAMES = 16;

/**
 * A decode that is held up by others gets so many times its time limit when it runs alone. The processor time that it has
 * used by then tells whose fault it is.
 */
const BUSY_FACTORS = [1, 2];

/** The warnings and the errors of decoders have one place a process: only one that runs alone knows which are its own. */
const gate = new ExclusiveGate();

/** What is said about the image beside its labels. */
export type Remarks = Pick<Prediction, 'warning' | 'decodedShare' | 'source'>;

export interface DecodedImage {
  /** `cropSize` x `cropSize` x 3 bytes: rows from the top, R G B a pixel, sRGB. */
  pixels: Uint8Array;
  remarks: Remarks;
  /** The decoder has read all of its data and found nothing wrong. Others are checked only on demand ({@link hasDamagedData}). */
  isIntact?: boolean;
  /** Wall-clock time of the decoder, without waiting for other images. */
  decodeMs: number;
}

/**
 * Decodes the first frame or the largest page, of camera raw the preview. A damaged image is decoded as far as it goes. A plain
 * JPEG is decoded before this returns its promise.
 * @throws {DecodeError} with the code of the image's outcome.
 * @throws {MachineFaultError} if this machine could not decode it, which says nothing about the image.
 */
export async function decodeImage(
  bytes: Uint8Array,
  recipe: Target,
  limits: DecodeLimits,
): Promise<DecodedImage> {
  const source = imageSourceOf(bytes);
  const image = await decodeSource(source, recipe, limits);
  return image.remarks.warning === 'uniform' && hasFrames(source.format)
    ? ((await laterFrame(bytes, source, recipe, limits)) ?? image)
    : image;
}

async function decodeSource(
  source: ImageSource,
  recipe: Target,
  limits: DecodeLimits,
): Promise<DecodedImage> {
  const plain = decodePlainJpeg(source, recipe, limits.maxPixels);
  if (plain !== undefined) return { ...described(source, plain), isIntact: true };
  const leave = await gate.enter('shared');
  try {
    return described(source, await decodePixels(source, recipe, attemptOf('strict', limits)));
  } catch (error) {
    if (error instanceof DecodeError) throw error;
  } finally {
    leave();
  }
  return await alone(() => decodeAlone(source, recipe, limits));
}

/** The first frame of an animation that does not have one colour; undefined if there is none near its start. */
async function laterFrame(
  bytes: Uint8Array,
  first: ImageSource,
  recipe: Target,
  limits: DecodeLimits,
): Promise<DecodedImage | undefined> {
  for (let frame = 1; frame < MAX_FRAMES; frame++) {
    const source = { ...first, bytes: firstFramesOf(bytes, first.format, frame + 1), frame };
    const image = await decodeSource(source, recipe, limits).catch(unlessNotDecoded);
    if (image === undefined || image.remarks.warning !== 'uniform') return image;
  }
  return undefined;
}

/** After the last frame, or at a damaged one. */
function unlessNotDecoded(error: unknown): undefined {
  if (!(error instanceof DecodeError)) throw error;
}

/**
 * Whether the data of a JPEG is wrong although all of its rows were decoded. Takes as long as a decode: worth it only for an
 * image that the model does not know.
 */
export async function hasDamagedData(bytes: Uint8Array, { decodeTimeoutMs }: DecodeLimits): Promise<boolean> {
  const leave = await gate.enter('shared');
  const isClean = await readsCleanly(bytes, decodeTimeoutMs).finally(leave);
  if (isClean) return false;
  const remarks = await alone(() => remarksOnData(bytes, decodeTimeoutMs));
  return remarks.some(isAboutDamage);
}

/** Runs work while nothing else is decoded in this process. */
async function alone<T>(work: () => Promise<T>): Promise<T> {
  const leave = await gate.enter('exclusive');
  try {
    await forgetRemarks();
    return await work();
  } finally {
    leave();
  }
}

async function decodeAlone(source: ImageSource, recipe: Target, limits: DecodeLimits): Promise<DecodedImage> {
  try {
    // Beside the decode it would clear what that says of its failure.
    const header = await checkedHeader(source, limits.maxPixels);
    const attempt: Attempt = { ...attemptOf('strict', limits), ...(header && { header }) };
    return described(source, await inTime(attempt, (each) => decodePixels(source, recipe, each)));
  } catch (error) {
    if (error instanceof DecodeError || error instanceof MachineFaultError) throw error;
    const failure = explainFailure(error, source.format);
    if (failure.code !== 'truncated') throw failure;
    return await decodeRest(source, recipe, limits, failure);
  }
}

/** Decodes what is left of a damaged image. @param failure thrown if that is too little */
async function decodeRest(
  source: ImageSource,
  recipe: Target,
  limits: DecodeLimits,
  failure: DecodeError | MachineFaultError,
): Promise<DecodedImage> {
  const tolerantly = async <T>(decode: (attempt: Attempt) => Promise<T>): Promise<T> => {
    try {
      return await inTime(attemptOf('tolerant', limits), decode);
    } catch (error) {
      if (error instanceof MachineFaultError) throw error;
      const isMachines = !(error instanceof DecodeError) && isShortage(error);
      throw isMachines ? explainFailure(error, source.format) : failure;
    }
  };
  const share = await tolerantly((attempt) => decodedShare(source, attempt));
  if (share < MIN_DECODED_SHARE) {
    const percent = Math.floor(100 * share);
    throw new DecodeError(
      failure.code,
      `${failure.message}; only ${percent} % of its rows could be decoded.`,
    );
  }
  const image = described(source, await tolerantly((attempt) => decodePixels(source, recipe, attempt)));
  return { ...image, remarks: { ...image.remarks, warning: 'damaged', decodedShare: share } };
}

/**
 * Decodes while nothing else is decoded in this process.
 * @throws {DecodeError} `deadline` if the image takes more processor time than the limit.
 */
async function inTime<T>(attempt: Attempt, decode: (attempt: Attempt) => Promise<T>): Promise<T> {
  let fault: DecodeError | MachineFaultError | undefined;
  for (const factor of BUSY_FACTORS) {
    const timeoutMs = factor * attempt.timeoutMs;
    const cpuBefore = process.cpuUsage();
    try {
      return await decode({ ...attempt, timeoutMs });
    } catch (error) {
      if (!isTimeout(error)) throw error;
      const { user, system } = process.cpuUsage(cpuBefore);
      fault = explainTimeout({ cpuMs: (user + system) / 1000, wallMs: timeoutMs }, attempt.timeoutMs);
      if (fault instanceof DecodeError) throw fault;
    }
  }
  throw fault;
}

const attemptOf = (strictness: Attempt['strictness'], limits: DecodeLimits): Attempt => ({
  strictness,
  maxPixels: limits.maxPixels,
  timeoutMs: limits.decodeTimeoutMs,
});

function described(source: ImageSource, { pixels, width, height, decodeMs }: Pixels): DecodedImage {
  const remarks: Remarks = {};
  if (source.isPreview) remarks.source = 'preview';
  if (isUniform(pixels)) remarks.warning = 'uniform';
  else if (Math.min(width, height) < LOW_RESOLUTION_PIXELS) remarks.warning = 'low_resolution';
  return { pixels, remarks, decodeMs };
}

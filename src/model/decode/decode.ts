// Decodes an image to the pixels of the model's input.

import type { Prediction } from '../../core/model/outcome.ts';
import { DecodeError } from './decode-error.ts';
import type { DecodeLimits } from './decode-failure.ts';
import { firstFramesOf, hasFrames } from './first-frame/first-frame.ts';
import type { LibvipsPixels } from './libvips.ts';
import type { Sides } from './pixels.ts';
import type { Target, Whole } from './placement.ts';
import { decodePlainJpeg } from './plain-jpeg/plain-jpeg.ts';
import { type ImageSource, imageSourceOf } from './source.ts';
import { isUniform } from './uniform.ts';

/** If the shorter side is below this, labels are unreliable. */
const LOW_RESOLUTION_PIXELS = 96;

/** An animation may begin with a blank frame; a fade takes some more. */
const MAX_FRAMES = 16;

/** What is said about the image beside its labels. */
export type Remarks = Pick<Prediction, 'warning' | 'decodedShare' | 'source'>;

export interface DecodedImage {
  /** Rows from the top, R G B a pixel, upright, sRGB: `cropSize` x `cropSize` pixels, or the whole picture. */
  pixels: Uint8Array;
  /** Of `pixels`. */
  sides: Sides;
  remarks: Remarks;
  /** The decoder has read all of its data and found nothing wrong. Others are checked only on demand (libvips.ts). */
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
  target: Target | Whole,
  limits: DecodeLimits,
): Promise<DecodedImage> {
  const source = imageSourceOf(bytes);
  const image = await decodeSource(source, target, limits);
  return image.remarks.warning === 'uniform' && hasFrames(source.format)
    ? ((await laterFrame(bytes, source, target, limits)) ?? image)
    : image;
}

async function decodeSource(
  source: ImageSource,
  target: Target | Whole,
  limits: DecodeLimits,
): Promise<DecodedImage> {
  const plain = target.fit === 'inside' ? undefined : decodePlainJpeg(source, target, limits.maxPixels);
  if (plain !== undefined) return { ...described(source, plain), isIntact: true };
  // Loaded here: it takes 40 ms of processor time to load, as much as all else that a runner needs to start.
  const { decodeByLibvips } = await import('./libvips.ts');
  return described(source, await decodeByLibvips(source, target, limits));
}

/** The first frame of an animation that does not have one colour; undefined if there is none near its start. */
async function laterFrame(
  bytes: Uint8Array,
  first: ImageSource,
  target: Target | Whole,
  limits: DecodeLimits,
): Promise<DecodedImage | undefined> {
  for (let frame = 1; frame < MAX_FRAMES; frame++) {
    const source = { ...first, bytes: firstFramesOf(bytes, first.format, frame + 1), frame };
    const image = await decodeSource(source, target, limits).catch(unlessNotDecoded);
    if (image === undefined || image.remarks.warning !== 'uniform') return image;
  }
  return undefined;
}

/** After the last frame, or at a damaged one. */
function unlessNotDecoded(error: unknown): undefined {
  if (!(error instanceof DecodeError)) throw error;
}

function described(
  source: ImageSource,
  { pixels, sides, width, height, decodeMs, decodedShare }: LibvipsPixels,
): DecodedImage {
  const remarks: Remarks = {};
  if (source.isPreview) remarks.source = 'preview';
  if (decodedShare !== undefined) Object.assign(remarks, { warning: 'damaged', decodedShare });
  else if (isUniform(pixels)) remarks.warning = 'uniform';
  else if (Math.min(width, height) < LOW_RESOLUTION_PIXELS) remarks.warning = 'low_resolution';
  return { pixels, sides, remarks, decodeMs };
}

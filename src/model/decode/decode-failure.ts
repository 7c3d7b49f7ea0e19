// Why a decode failed: the image, or this machine. libvips has no codes, only words.

import type { ImageFormat } from '../../core/model/image-format.ts';
import { messageOf } from '../../core/runtime/errors.ts';
import { MachineFaultError } from '../../core/runtime/machine-fault.ts';
import { DecodeError } from './decode-error.ts';

export interface DecodeLimits {
  /** Width times height of the image as stored. */
  maxPixels: number;
  /** Limit of libvips' computing time for one image; rounded up to whole seconds. */
  decodeTimeoutMs: number;
}

/**
 * A decode that used less of its time limit than this share was held up by others on this machine. Nothing tells the
 * decoder's time from that of the model beside it, so the share is well below 1.
 */
const OWN_TIME_SHARE = 0.5;

const TOO_LARGE = /exceeds pixel limit|too (large|wide|high)|exceeds.*limit|security limit/i;
const SHORTAGE =
  /memory|cannot allocate|failed to allocate|allocation failed|create thread|too many open files|no space left|temporarily unavailable/i;
/** libvips names the tile that it could not make, after the reason. */
const TILE = /^error in tile/;
const FUNCTION_NAME = /^(?:Input buffer has corrupt header: *)?(?:\w+: )*/;
const UNSUPPORTED = /unsupported|not supported|unimplemented|not implemented|no decoder|no known route/i;
/** sharp says so if the loader of a known type gives up on the header. */
const UNREADABLE_HEADER = 'contains unsupported image format';
/**
 * Messages about an image: of decoders about its bytes, of libvips about its kind of pixels, and of sharp if a decoder says
 * nothing.
 */
const ABOUT_IMAGE =
  /^(Input buffer has corrupt header: *)?((Vips(Jpeg|Png|Icc)|vipspng|(jpeg|png|webp|gif|nsgif|tiff|heif)load(_buffer)?|webp|(png|webp|tiff)2vips|heif|icc_(import|transform)|source|(vips_)?colourspace|extract_area): |$)|^Unknown error$|^Input buffer contains unsupported image format$/;

/**
 * The error of an image whose decode failed while nothing else was decoded in the process. A message that is not known to be
 * about an image is a fault of this machine, until other machines say the same.
 */
export function explainFailure(error: unknown, format: ImageFormat): DecodeError | MachineFaultError {
  const text = messageOf(error);
  const message = detailOf(text);
  const type = format.toUpperCase();
  if (TOO_LARGE.test(text))
    return new DecodeError('too_large', `The ${type} is larger than its decoder allows: ${message}`);
  if (isShortage(error)) return new MachineFaultError('worker_crash', shortOf(text), { scope: 'image' });
  if (!ABOUT_IMAGE.test(text.split('\n')[0] ?? '')) {
    const unknown = `The decoder of this machine failed at a ${type}: ${text.trim().replaceAll('\n', ' ')}`;
    return new MachineFaultError('worker_crash', unknown, { scope: 'image', cause: error });
  }
  if (UNSUPPORTED.test(message) && !message.includes(UNREADABLE_HEADER))
    return new DecodeError('unsupported_format', `This kind of ${type} is not supported: ${message}`);
  return new DecodeError('truncated', `The ${type} is cut off or damaged: ${message}`);
}

/** Whether the error says that this machine lacks something. */
export const isShortage = (error: unknown): boolean => SHORTAGE.test(messageOf(error));

const shortOf = (text: string): string =>
  `This machine lacked memory, threads or files to decode the image: ${text.trim().replaceAll('\n', ' ')}`;

export const isTimeout = (error: unknown): boolean => /^timeout/i.test(messageOf(error));

/** A decode that reached its time limit while nothing else was decoded in the process. */
export function explainTimeout(
  used: { cpuMs: number; wallMs: number },
  decodeTimeoutMs: number,
): DecodeError | MachineFaultError {
  const { cpuMs, wallMs } = used;
  if (cpuMs >= OWN_TIME_SHARE * decodeTimeoutMs)
    return new DecodeError('deadline', `Decoding took longer than ${decodeTimeoutMs} ms.`);
  const message = `This machine is too busy: a decode got ${Math.round(cpuMs)} ms of processor time in ${wallMs} ms.`;
  return new MachineFaultError('deadline', message, { scope: 'image' });
}

/** The last line that says something: the ones before it are remarks. Without the name of the decoder's function. */
function detailOf(text: string): string {
  const lines = text.split('\n').map((line) => line.replace(FUNCTION_NAME, '').trim());
  return lines.findLast((line) => line !== '' && !TILE.test(line)) ?? 'its decoder does not say why';
}

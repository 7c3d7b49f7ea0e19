// Decodes HEIC with an optional library, and explains its failures.

import { MachineFaultError } from '../../core/runtime/machine-fault.ts';
import { type HeicReply, heicInstallCommand, runHeicDecoder } from '../heic-decoder.ts';
import { openAperture } from './clean-aperture.ts';
import { DecodeError } from './decode-error.ts';
import { type PrimaryImage, readPrimaryImage } from './heif-header.ts';
import { MAX_HELD_BYTES } from './held-memory.ts';

/** Codes of libheif (heif_error.h): unsupported file type, unsupported feature, no plugin for the coding. */
const UNSUPPORTED = new Set([3, 4, 11]);
/** The same: an allocation failed, a limit of libheif's own is reached, or the size has a zero. */
const MEMORY_ERROR = 6;
const INVALID_SIZE = 129;

/**
 * Decodes the primary image as it is to be shown: rotated, mirrored and cropped.
 * @returns an uncompressed TIFF file with the ICC profile of the image.
 * @throws {DecodeError}
 * @throws {MachineFaultError}
 */
export async function decodeHeic(
  bytes: Uint8Array,
  limits: { maxPixels: number; timeoutMs: number },
): Promise<Uint8Array> {
  const { profile, aperture, ...size } = readPrimaryImage(bytes, 'heic');
  checkPixels(size, limits.maxPixels);
  // A view would be copied with all the memory that it is a part of.
  const file = Uint8Array.from(bytes);
  if (aperture !== undefined) openAperture(file, aperture, size);
  const reply = await runHeicDecoder({
    bytes: file,
    shown: aperture?.shown,
    profile: profile && Uint8Array.from(profile),
    maxBytes: MAX_HELD_BYTES,
    timeoutMs: limits.timeoutMs,
  });
  if (reply === undefined) throw notInstalled();
  if (reply.kind === 'decoded') return reply.tiff;
  throw explain(reply, size);
}

function checkPixels({ width, height }: PrimaryImage, maxPixels: number): void {
  if (width * height <= maxPixels) return;
  const message = `The HEIC has ${width} x ${height} pixels; the limit is ${maxPixels} pixels.`;
  throw new DecodeError('too_large', message);
}

function notInstalled(): DecodeError {
  const message = `The file is HEIC, for which no decoder is installed. Install it: "${heicInstallCommand()}". Or let iPhones take JPEG: Settings > Camera > Formats > Most Compatible.`;
  return new DecodeError('unsupported_format', message);
}

function explain(
  reply: Exclude<HeicReply, { kind: 'decoded' }>,
  { width, height }: PrimaryImage,
): DecodeError | MachineFaultError {
  if (reply.kind === 'out_of_memory')
    return new MachineFaultError('worker_crash', 'This machine lacked memory to decode a HEIC.', {
      scope: 'image',
    });
  if (reply.kind === 'too_large') {
    const limit = `${MAX_HELD_BYTES / 2 ** 20} MiB`;
    const needs = `Decoding a HEIC of ${width} x ${height} pixels needs more memory than the limit of ${limit}.`;
    return new DecodeError('too_large', needs);
  }
  const { code, subcode, message } = reply;
  if (code === MEMORY_ERROR && subcode !== INVALID_SIZE)
    return new DecodeError('too_large', `The HEIC is larger than its decoder allows: ${message}`);
  return code !== undefined && UNSUPPORTED.has(code)
    ? new DecodeError('unsupported_format', `This kind of HEIC is not supported: ${message}`)
    : new DecodeError('truncated', `The HEIC is cut off or damaged: ${message}`);
}

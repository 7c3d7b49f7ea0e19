// Decodes with libvips what is no plain JPEG, and all that is damaged. libvips loads with this file.

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
import { isAboutDamage, readsCleanly, remarksOnData } from './jpeg-data.ts';
import { type Attempt, checkedHeader, decodePixels, forgetRemarks, type Pixels } from './pixels.ts';
import type { Target, Whole } from './placement.ts';
import type { ImageSource } from './source.ts';

/** An image of which less is left gets no label. */
const MIN_DECODED_SHARE = 0.5;

/**
 * A decode that is held up by others gets so many times its time limit when it runs alone. The processor time that it has
 * used by then tells whose fault it is.
 */
const BUSY_FACTORS = [1, 2];

/** The warnings and the errors of decoders have one place a process: only one that runs alone knows which are its own. */
const gate = new ExclusiveGate();

/** The pixels of an image. `decodedShare` is the share of its rows that could be decoded, if the image is damaged. */
export type LibvipsPixels = Pixels & { decodedShare?: number };

/**
 * Decodes the frame of the source. A damaged one is decoded as far as it goes.
 * @throws {DecodeError} with the code of the image's outcome.
 * @throws {MachineFaultError} if this machine could not decode it, which says nothing about the image.
 */
export async function decodeByLibvips(
  source: ImageSource,
  target: Target | Whole,
  limits: DecodeLimits,
): Promise<LibvipsPixels> {
  const leave = await gate.enter('shared');
  try {
    return await decodePixels(source, target, attemptOf('strict', limits));
  } catch (error) {
    if (error instanceof DecodeError) throw error;
  } finally {
    leave();
  }
  return await alone(() => decodeAlone(source, target, limits));
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

async function decodeAlone(
  source: ImageSource,
  target: Target | Whole,
  limits: DecodeLimits,
): Promise<LibvipsPixels> {
  try {
    // Beside the decode it would clear what that says of its failure.
    const header = await checkedHeader(source, limits.maxPixels);
    const attempt: Attempt = { ...attemptOf('strict', limits), ...(header && { header }) };
    return await inTime(attempt, (each) => decodePixels(source, target, each));
  } catch (error) {
    if (error instanceof DecodeError || error instanceof MachineFaultError) throw error;
    const failure = explainFailure(error, source.format);
    if (failure.code !== 'truncated') throw failure;
    return await decodeRest(source, target, limits, failure);
  }
}

/** Decodes what is left of a damaged image. @param failure thrown if that is too little */
async function decodeRest(
  source: ImageSource,
  target: Target | Whole,
  limits: DecodeLimits,
  failure: DecodeError | MachineFaultError,
): Promise<LibvipsPixels> {
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
  const pixels = await tolerantly((attempt) => decodePixels(source, target, attempt));
  return { ...pixels, decodedShare: share };
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

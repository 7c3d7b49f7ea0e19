import { hash } from 'node:crypto';
import type { JobRecord, ManifestEntry } from '../../core/job/job.ts';
import { isWebAddress } from '../../core/network/web-address.ts';
import { parseS3Address } from '../../upload/select.ts';
import { fileOf } from '../file-of.ts';

/**
 * Where a photograph is: a file of this machine by its absolute path, an object or an image of the web by its address,
 * or what a program or a browser has uploaded, by the name that it gave. Such a name may look like a path, and is none.
 */
export type Place = { kind: 'file' | 'object' | 'web' | 'upload'; at: string };

export function placeOf(job: JobRecord, entry: ManifestEntry): Place {
  const file = fileOf(job, entry);
  if (file !== undefined) return { kind: 'file', at: file };
  if (job.inputs.length === 0) return { kind: 'upload', at: entry.name };
  if (isWebAddress(entry.source)) return { kind: 'web', at: entry.source };
  const isObject = parseS3Address(entry.source) !== undefined;
  return isObject ? { kind: 'object', at: entry.source } : { kind: 'upload', at: entry.name };
}

/** As many as a number has. Two of a million places have the same number with a probability of 1 in 18,000. */
export const PLACE_NUMBER_BITS = 53;

/** A number for the photograph at the place, equal in all jobs. */
export function placeNumber({ kind, at }: Place, upload: UploadIdentity): number {
  const identity = kind === 'upload' ? `${kind}\0${contentOf(upload)}` : `${kind}\0${at}`;
  return Number(hash('sha256', identity, 'buffer').readBigUInt64BE() >> BigInt(64 - PLACE_NUMBER_BITS));
}

interface UploadIdentity {
  job: string;
  index: number;
  sha256: string | undefined;
}

/** The name of an upload says nothing: another photograph may have it, and the same one another. */
const contentOf = ({ job, index, sha256 }: UploadIdentity): string => sha256 ?? `${job}\0${index}`;

/**
 * Dropped images: objects that others put under `drop/` of the input bucket. Their outcomes are in the ledger of their day,
 * one per shard, at an index that follows from the event alone (docs/decisions/0021-dropped-images.md).
 */

import type { Cloud, Store } from '../cloud/ports.ts';
import { FIRST_ATTEMPT, type ImageSource } from '../job/job.ts';
import { dropJobOf, isDropJob, jobTimeMs } from '../job/job-ids.ts';
import { type BatchPlace, DROP_PREFIX } from '../job/keys.ts';
import { findShard, type Shard, writeShard } from '../job/shard.ts';
import type { ObjectVersion, Outcome } from '../model/outcome.ts';
import { PoisonError } from '../runtime/errors.ts';
import type { Notification, S3Event } from './notification.ts';

/** A dropped image: one version of an object. */
export interface Drop {
  /** The job of the event's day. */
  job: string;
  /** The first index that its outcome may have: the second of its day, times {@link SPREAD}, plus a hash. */
  index: number;
  /** The key below `drop/`. */
  name: string;
  bucket: string;
  key: string;
  version: ObjectVersion;
}

/** S3's limit. The name of an outcome may be as long. */
const MAX_KEY_BYTES = 1024;

/** Indexes per second of the day. 86,400 times as many fit into the nine digits of an index, with room at the end of the day. */
const SPREAD = 10_000;

/**
 * The dropped images of a notification, and a text for each of its other events.
 * @throws {PoisonError} when it is about another bucket, or invalid.
 */
export function dropsOf(
  { events }: Notification,
  inputBucket: string,
): { drops: Drop[]; unwanted: string[] } {
  const drops: Drop[] = [];
  const unwanted: string[] = [];
  for (const event of events) {
    const { bucket, object } = event.s3;
    if (bucket.name !== inputBucket) {
      throw new PoisonError(
        `The notification is about bucket ${bucket.name}, not about the input bucket ${inputBucket}.`,
      );
    }
    const key = decodeKey(object.key);
    // Consoles create a folder as an empty object whose key ends in a slash.
    const isImage = key.startsWith(DROP_PREFIX) && !key.endsWith('/');
    if (isImage && event.eventName.startsWith('ObjectCreated:')) drops.push(dropOf(event, key));
    else unwanted.push(`${event.eventName} of ${key}`);
  }
  return { drops, unwanted };
}

function dropOf({ eventTime, s3: { bucket, object } }: S3Event, key: string): Drop {
  const { eTag: etag, sequencer } = object;
  if (etag === undefined) throw new PoisonError(`The notification has no eTag for ${key}.`);
  const version = { etag, ...(sequencer !== undefined && { sequencer }) };
  const name = key.slice(DROP_PREFIX.length);
  const atMs = Date.parse(eventTime);
  const job = dropJobOf(atMs);
  if (!isDropJob(job)) throw new PoisonError(`The notification has an invalid eventTime: ${eventTime}.`);
  const secondOfDay = Math.floor((atMs - jobTimeMs(job)) / 1000);
  const index = SPREAD * secondOfDay + (hashOf(JSON.stringify([name, etag, sequencer])) % SPREAD);
  return { job, index, name, bucket: bucket.name, key, version };
}

/** Keys are encoded as in a form: `+` is a space. */
function decodeKey(text: string): string {
  let key: string;
  try {
    key = decodeURIComponent(text.replaceAll('+', ' '));
  } catch (cause) {
    throw new PoisonError(`The notification's key ${text} is not URL-encoded.`, cause);
  }
  if (Buffer.byteLength(key) > MAX_KEY_BYTES)
    throw new PoisonError(`The notification's key is longer than ${MAX_KEY_BYTES} bytes.`);
  return key;
}

/** FNV-1a, 32 bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}

/**
 * Writes the outcome of a dropped image at the first free index from its own on, unless it has one before that. A reader
 * finds it by the same search, because an index is never freed.
 * @returns its shard in the ledger, and whether this call wrote it.
 */
export async function writeDropped(
  output: Store,
  drop: Drop,
  outcome: Outcome,
  signal: AbortSignal,
): Promise<{ shard: Shard; isOurs: boolean }> {
  for (let index = drop.index; ; index++) {
    const written = { range: rangeAt(index), outcomes: [{ ...outcome, index, version: drop.version }] };
    const { shard, isOurs } = await writeShard(output, drop.job, written, { signal });
    if (isOurs || isOf(shard, drop)) return { shard, isOurs };
  }
}

/** The shard of a dropped image. Undefined if it has no outcome yet. */
export async function findDropped(
  output: Store,
  drop: Drop,
  signal: AbortSignal,
): Promise<Shard | undefined> {
  for (let index = drop.index; ; index++) {
    const shard = await findShard(output, drop.job, rangeAt(index), signal);
    if (shard === undefined || isOf(shard, drop)) return shard;
  }
}

/** The location of the dropped image whose outcome has this index. Undefined if there is none. */
export async function findDropAt(
  { input, output }: Pick<Cloud, 'input' | 'output'>,
  { job, index }: { job: string; index: number },
  signal?: AbortSignal,
): Promise<ImageSource | undefined> {
  const [outcome] = (await findShard(output, job, rangeAt(index), signal))?.outcomes ?? [];
  if (outcome?.version === undefined) return undefined;
  return { bucket: input.bucket, key: `${DROP_PREFIX}${outcome.name}`, etag: outcome.version.etag };
}

/** Where the outcome of a dropped image belongs, if no other image has the place. */
export const placeOf = ({ job, index }: Drop): BatchPlace => ({ job, range: rangeAt(index) });

const rangeAt = (index: number) => ({ attempt: FIRST_ATTEMPT, first: index, last: index });

/** A shard that cannot be read counts as that of another image. */
function isOf({ outcomes: [outcome] = [] }: Shard, { name, version }: Drop): boolean {
  return (
    outcome?.name === name &&
    outcome.version?.etag === version.etag &&
    outcome.version.sequencer === version.sequencer
  );
}

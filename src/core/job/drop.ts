/**
 * Dropped images: objects that others put below `drop/` of the input bucket. Their outcomes stand in the ledger of their
 * day, one a shard, at a place that follows from the event alone (docs/decisions/0021-dropped-images.md).
 */

import type { Cloud, Store } from '../cloud/ports.ts';
import type { ObjectVersion, Outcome } from '../model/outcome.ts';
import { PoisonError } from '../runtime/errors.ts';
import { FIRST_ATTEMPT, type ImageSource } from './job.ts';
import { dropJobOf, isDropJob, jobTimeMs } from './job-ids.ts';
import { DROP_PREFIX } from './keys.ts';
import type { Notification, S3Event } from './notification.ts';
import { findShard, type Shard, writeShard } from './shard.ts';

/** One version of an object. */
export interface Drop {
  /** Of the day of the event. */
  job: string;
  /** The first index at which its outcome may stand: the second of its day, then {@link SPREAD} places. */
  index: number;
  /** The key below `drop/`. */
  name: string;
  bucket: string;
  key: string;
  version: ObjectVersion;
}

/** S3's limit; a name within it is one that an outcome may have. */
const MAX_KEY_BYTES = 1024;

/** Places of each second: 86,400 times as many are the nine digits of an index, with room to spare at the end of the day. */
const SPREAD = 10_000;

/**
 * The images that a notification is about, and in words what else it tells of and nobody wants.
 * @throws {PoisonError} when it is about another bucket, or makes no sense.
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
      throw new PoisonError(`It is about the bucket ${bucket.name}; images are dropped into ${inputBucket}.`);
    }
    const key = decodeKey(object.key);
    // A console makes folders by empty objects whose keys end so.
    const isImage = key.startsWith(DROP_PREFIX) && !key.endsWith('/');
    if (isImage && event.eventName.startsWith('ObjectCreated:')) drops.push(dropOf(event, key));
    else unwanted.push(`${event.eventName} of ${key}`);
  }
  return { drops, unwanted };
}

function dropOf({ eventTime, s3: { bucket, object } }: S3Event, key: string): Drop {
  const { eTag: etag, sequencer } = object;
  if (etag === undefined)
    throw new PoisonError(`The notification does not say which version of ${key} it means.`);
  const version = { etag, ...(sequencer !== undefined && { sequencer }) };
  const name = key.slice(DROP_PREFIX.length);
  const atMs = Date.parse(eventTime);
  const job = dropJobOf(atMs);
  if (!isDropJob(job)) throw new PoisonError(`The notification is of no time: ${eventTime}.`);
  const secondOfDay = Math.floor((atMs - jobTimeMs(job)) / 1000);
  const index = SPREAD * secondOfDay + (hashOf(JSON.stringify([name, etag, sequencer])) % SPREAD);
  return { job, index, name, bucket: bucket.name, key, version };
}

/** Keys come as in a form: `+` is a space. */
function decodeKey(text: string): string {
  let key: string;
  try {
    key = decodeURIComponent(text.replaceAll('+', ' '));
  } catch (cause) {
    throw new PoisonError(`The notification's key ${text} is not URL-encoded.`, cause);
  }
  if (Buffer.byteLength(key) > MAX_KEY_BYTES) throw new PoisonError('The key is longer than keys of S3 are.');
  return key;
}

/** FNV-1a, 32 bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}

/**
 * Writes the outcome of a dropped image at the first free place from its own on, unless it stands at one before that:
 * whoever looks for it comes by there, since no place becomes free again.
 * @returns its shard as it stands in the ledger, and whether it is ours.
 */
export async function writeDropped(
  output: Store,
  drop: Drop,
  outcome: Outcome,
  signal: AbortSignal,
): Promise<{ shard: Shard; isOurs: boolean }> {
  for (let index = drop.index; ; index++) {
    const written = { range: rangeAt(index), outcomes: [{ ...outcome, index, version: drop.version }] };
    const { shard, isOurs } = await writeShard(output, drop.job, written, signal);
    if (isOurs || isOf(shard, drop)) return { shard, isOurs };
  }
}

/** Undefined where it has no outcome yet. */
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

/** Where the dropped image is whose outcome has this index; undefined where there is none. */
export async function findDropAt(
  { input, output }: Pick<Cloud, 'input' | 'output'>,
  { job, index }: { job: string; index: number },
  signal?: AbortSignal,
): Promise<ImageSource | undefined> {
  const [outcome] = (await findShard(output, job, rangeAt(index), signal))?.outcomes ?? [];
  if (outcome?.version === undefined) return undefined;
  return { bucket: input.bucket, key: `${DROP_PREFIX}${outcome.name}`, etag: outcome.version.etag };
}

const rangeAt = (index: number) => ({ attempt: FIRST_ATTEMPT, first: index, last: index });

/** What cannot be read is taken for another's. */
function isOf({ outcomes: [outcome] = [] }: Shard, { name, version }: Drop): boolean {
  return (
    outcome?.name === name &&
    outcome.version?.etag === version.etag &&
    outcome.version.sequencer === version.sequencer
  );
}

// Resuming a job whose submitter ended before all images were announced.

import type { Cloud, Store } from '../core/cloud/ports.ts';
import { FIRST_ATTEMPT, type JobRecord, type ManifestEntry } from '../core/job/job.ts';
import type { PartPlace } from '../core/job/keys.ts';
import { listParts, markAnnounced, readPart } from '../core/job/manifest.ts';
import { listShards } from '../core/job/shard.ts';
import { type AnnouncedTotal, type AnnounceOptions, announceEntries } from './announce.ts';
import type { Input } from './inputs.ts';
import { shortName } from './store-image.ts';

/** How the rest is announced. */
export type ResumeOptions = Pick<AnnounceOptions, 'responses' | 'by' | 'onRequest' | 'signal'>;

/**
 * Announces every part of the open job's manifest that is not marked: its submitter may have ended between writing the
 * last part and marking it. Images that already have an outcome are skipped.
 * @returns what is announced now.
 */
export async function announceRest(
  cloud: Cloud,
  job: JobRecord,
  options: ResumeOptions,
): Promise<AnnouncedTotal> {
  const { output } = cloud;
  const parts = await listParts(output, job.id, job.attempt, options.signal);
  for (const { isAnnounced, ...place } of parts) {
    if (isAnnounced) continue;
    const entries = await readPart(output, job.id, place, options.signal);
    const open = await withoutOutcome(output, job, entries, options.signal);
    await announceEntries(open, { ...options, cloud, job });
    await markAnnounced(output, job.id, place, options.signal);
  }
  return { images: await countImages(output, job, parts, options.signal), parts: parts.length };
}

/** Those of the entries whose images have no outcome of the job's present attempt. */
export async function withoutOutcome(
  output: Store,
  { id, attempt }: JobRecord,
  entries: readonly ManifestEntry[],
  signal: AbortSignal | undefined,
): Promise<ManifestEntry[]> {
  const open = new Map(entries.map((entry) => [entry.index, entry]));
  const last = entries.at(-1)?.index ?? 0;
  for await (const shard of listShards(output, id, { attempt, from: entries[0]?.index ?? 0, signal })) {
    if (shard.first > last) break;
    for (let index = shard.first; index <= shard.last; index++) open.delete(index);
  }
  return [...open.values()];
}

/** Indexes of the first attempt have no gaps; those of a retry do. */
async function countImages(
  output: Store,
  { id, attempt }: JobRecord,
  parts: readonly PartPlace[],
  signal: AbortSignal | undefined,
): Promise<number> {
  const counted = attempt === FIRST_ATTEMPT ? parts.slice(-1) : parts;
  let images = 0;
  for (const place of counted) {
    const entries = await readPart(output, id, place, signal);
    images = attempt === FIRST_ATTEMPT ? (entries.at(-1)?.index ?? -1) + 1 : images + entries.length;
  }
  return images;
}

/** Index of the last image in the attempt's manifest. -1 if there is none. */
export async function lastAnnounced(
  output: Store,
  { id, attempt }: JobRecord,
  signal?: AbortSignal,
): Promise<number> {
  const place = (await listParts(output, id, attempt, signal)).at(-1);
  const entries = place === undefined ? [] : await readPart(output, id, place, signal);
  return entries.at(-1)?.index ?? -1;
}

/** The images of an attempt's manifest, in order. */
export async function* manifestOf(
  output: Store,
  { id, attempt }: Pick<JobRecord, 'id' | 'attempt'>,
  signal?: AbortSignal,
): AsyncGenerator<ManifestEntry> {
  for (const place of await listParts(output, id, attempt, signal)) {
    yield* await readPart(output, id, place, signal);
  }
}

/**
 * The inputs that are not in the manifest, each as often as it is missing there. In an unchanged folder both have the same
 * order and nothing is kept in memory. Only removed and new files take memory.
 */
export async function* notIn(
  manifest: AsyncIterator<ManifestEntry>,
  inputs: AsyncIterable<Input>,
): AsyncGenerator<Input> {
  /** Images of the manifest that were not among the inputs so far. */
  const passed = new Map<string, number>();
  const findInManifest = async (wanted: string): Promise<boolean> => {
    const before = passed.get(wanted) ?? 0;
    if (before > 0) {
      if (before === 1) passed.delete(wanted);
      else passed.set(wanted, before - 1);
      return true;
    }
    for (let next = await manifest.next(); next.done !== true; next = await manifest.next()) {
      const found = identityOf(next.value);
      if (found === wanted) return true;
      passed.set(found, (passed.get(found) ?? 0) + 1);
    }
    return false;
  };
  for await (const input of inputs) {
    if (!(await findInManifest(identityOf({ ...input, name: shortName(input.name) })))) yield input;
  }
}

/** A file may be given twice under different names; the job has both. */
const identityOf = ({ name, source }: { name: string; source: string }): string => `${name}\0${source}`;

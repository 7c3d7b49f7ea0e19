// Several submitters announce one job. All read the same inventory, so each knows the parts and indexes of all images,
// and announces some of the parts.

import { createHash } from 'node:crypto';
import type { JobRecord, ManifestEntry } from '../../core/job/job.ts';
import { JobStates } from '../../core/job/job-states.ts';
import type { PartPlace } from '../../core/job/keys.ts';
import { listParts, markAnnounced, writePart } from '../../core/job/manifest.ts';
import { PreconditionFailedError } from '../../core/runtime/errors.ts';
import { type AnnounceOptions, announceEntries, sealAttempt } from '../announce.ts';
import { InFlight } from '../in-flight.ts';
import type { Input, ObjectInput } from '../inputs.ts';
import { MAX_JOB_IMAGES, partSize } from '../plan.ts';
import { withoutOutcome } from '../resume.ts';
import { objectEntry } from '../store-image.ts';
import { tooManyImages } from '../submit.ts';
import { type ClaimVersion, ShareClaims } from './shares.ts';

/** Parts of a share, 65,536 images. A submitter that passes over a share of another one takes two requests for it. */
const PARTS_OF_SHARE = 64;

/** Parts that are announced at a time, with four requests each. */
const PARTS_AT_ONCE = 8;

/** A share is taken from a submitter that has announced no part of it for so long. A part takes about a second at most. */
const STALLED_MS = 30_000;

/** How often the shares of other submitters are looked at, when all others are announced. */
const LOOK_MS = 2000;

export interface AnnounceSharesOptions extends Omit<AnnounceOptions, 'before'> {
  /** Identifies this process among the submitters. */
  submitter: string;
  /** Default: 64. */
  partsOfShare?: number;
}

/**
 * Announces those shares of the job that no other submitter has claimed, and then those whose submitter has ended. Seals
 * the job when all shares are announced.
 * @param open opens the images from the beginning: the same ones for every submitter.
 * @returns the job record: sealed, or cancelled if it was cancelled meanwhile.
 */
export const announceShares = (
  open: () => AsyncIterable<Input>,
  options: AnnounceSharesOptions,
): Promise<JobRecord> => new ShareAnnouncer(options).run(open);

/** A share that this submitter has claimed. */
interface OwnShare {
  before: string;
  /** The parts that were written before, and whether each was announced. */
  parts: ReadonlyMap<number, boolean>;
  /** Another submitter has taken it. */
  isLost: boolean;
}

/** A share of another submitter, as it was seen last. */
interface OtherShare {
  before: string;
  version: ClaimVersion;
  announced: number;
  /** Since when nothing of it has changed. */
  sinceMs: number;
}

class ShareAnnouncer {
  readonly #options: AnnounceSharesOptions;
  readonly #partsOfShare: number;
  readonly #claims: ShareClaims;
  readonly #states: JobStates;
  readonly #sending = new InFlight(PARTS_AT_ONCE);
  readonly #progress = { stored: 0, announced: 0, sentBytes: 0, unreadable: 0, known: 0 };
  /** Shares that other submitters announce. */
  readonly #others = new Map<number, OtherShare>();

  constructor(options: AnnounceSharesOptions) {
    const { cloud, job, submitter, signal, clock } = options;
    this.#options = options;
    this.#partsOfShare = options.partsOfShare ?? PARTS_OF_SHARE;
    this.#claims = new ShareClaims(cloud.output, { job: job.id, submitter, signal });
    this.#states = new JobStates(cloud.output, clock);
  }

  async run(open: () => AsyncIterable<Input>): Promise<JobRecord> {
    const { cloud, job, clock, signal } = this.#options;
    try {
      const { images, parts } = await this.#pass(open(), (share, before) => this.#claim(share, before));
      while (this.#others.size > 0 && !(await this.#states.isCancelled(job.id))) {
        const taken = await this.#takeStalled(parts);
        if (taken.size > 0)
          await this.#pass(open(), async (share) => taken.get(share), Math.max(...taken.keys()));
        else if (this.#others.size > 0) await clock.sleep(LOOK_MS, signal);
        signal?.throwIfAborted();
      }
      return await sealAttempt(cloud, job, images);
    } finally {
      // Nothing may be written for the job once this has ended. Its failure was thrown before.
      await this.#sending.end().catch(() => {});
    }
  }

  /**
   * Reads the images, and announces those of the shares that `own` returns.
   * @param last the last share that is needed.
   */
  async #pass(
    inputs: AsyncIterable<Input>,
    own: (share: number, before: string) => Promise<OwnShare | undefined>,
    last = Number.POSITIVE_INFINITY,
  ): Promise<{ images: number; parts: number }> {
    const { job } = this.#options;
    const digest = createHash('sha256');
    let images = 0;
    let parts = 0;
    let share: OwnShare | undefined;
    for await (const objects of partsOf(inputs)) {
      this.#sending.failed.throwIfAborted();
      if (parts % this.#partsOfShare === 0) {
        if (parts / this.#partsOfShare > last) break;
        share = await own(parts / this.#partsOfShare, digest.copy().digest('hex'));
      }
      if (images + objects.length > MAX_JOB_IMAGES) throw tooManyImages(job.id);
      if (share !== undefined) await this.#announce(share, { first: images, part: parts, objects });
      digest.update(objects.map(({ source, etag }) => `${source} ${etag}\n`).join(''));
      images += objects.length;
      parts++;
      if (await this.#states.isCancelled(job.id)) break;
    }
    await this.#sending.end();
    return { images, parts };
  }

  async #claim(share: number, before: string): Promise<OwnShare | undefined> {
    if (await this.#claims.claim(share, before, undefined))
      return { before, parts: new Map(), isLost: false };
    await this.#watch(share, before);
    return undefined;
  }

  async #watch(share: number, before: string): Promise<void> {
    const version = await this.#claims.find(share, before);
    this.#others.set(share, { before, version, announced: -1, sinceMs: this.#options.clock.monotonicMs() });
  }

  async #announce(
    share: OwnShare,
    { first, part, objects }: { first: number; part: number; objects: readonly ObjectInput[] },
  ): Promise<void> {
    const { job } = this.#options;
    const wasAnnounced = share.parts.get(part);
    if (share.isLost || wasAnnounced === true) return;
    const entries = objects.map((object, at) => objectEntry(first + at, object));
    this.#progress.stored += entries.length;
    await this.#sending.start(() =>
      this.#announcePart(
        share,
        { attempt: job.attempt, part },
        { entries, isWritten: wasAnnounced === false },
      ),
    );
  }

  async #announcePart(
    share: OwnShare,
    place: PartPlace,
    { entries, isWritten }: { entries: readonly ManifestEntry[]; isWritten: boolean },
  ): Promise<void> {
    const { cloud, job, signal, onProgress } = this.#options;
    if (!isWritten && !(await this.#write(place, entries))) {
      share.isLost = true;
      return await this.#watch(Math.floor(place.part / this.#partsOfShare), share.before);
    }
    const open = isWritten ? await withoutOutcome(cloud.output, job, entries, signal) : entries;
    const known = await announceEntries(open, this.#options);
    // Others have counted meanwhile.
    this.#progress.known += known;
    await markAnnounced(cloud.output, job.id, place, signal);
    this.#progress.announced += entries.length;
    onProgress?.(this.#progress);
  }

  /** @returns false if another submitter has written it. */
  async #write(place: PartPlace, entries: readonly ManifestEntry[]): Promise<boolean> {
    const { cloud, job, signal } = this.#options;
    try {
      await writePart(cloud.output, job.id, place, entries, signal);
      return true;
    } catch (error) {
      if (error instanceof PreconditionFailedError) return false;
      throw error;
    }
  }

  /**
   * Looks at the shares of other submitters. Forgets those that are announced, and claims those that no submitter goes on with.
   * @param parts the number of parts of the job.
   */
  async #takeStalled(parts: number): Promise<ReadonlyMap<number, OwnShare>> {
    const { cloud, job, clock, signal } = this.#options;
    const taken = new Map<number, OwnShare>();
    for (const [share, seen] of [...this.#others]) {
      const range = {
        first: share * this.#partsOfShare,
        end: Math.min(parts, (share + 1) * this.#partsOfShare),
      };
      const found = await listParts(cloud.output, job.id, job.attempt, signal, range);
      const announced = found.filter(({ isAnnounced }) => isAnnounced).length;
      if (announced === range.end - range.first) {
        this.#others.delete(share);
        continue;
      }
      const { before } = seen;
      const version = await this.#claims.find(share, before);
      const nowMs = clock.monotonicMs();
      if (announced !== seen.announced || version !== seen.version)
        this.#others.set(share, { before, version, announced, sinceMs: nowMs });
      else if (nowMs - seen.sinceMs >= STALLED_MS && (await this.#claims.claim(share, before, version))) {
        this.#others.delete(share);
        const known = found.map(({ part, isAnnounced }) => [part, isAnnounced] as const);
        taken.set(share, { before, parts: new Map(known), isLost: false });
      }
    }
    return taken;
  }
}

async function* partsOf(inputs: AsyncIterable<Input>): AsyncGenerator<ObjectInput[]> {
  let part: ObjectInput[] = [];
  let parts = 0;
  for await (const input of inputs) {
    if (input.kind !== 'object') throw new TypeError('An inventory lists objects only.');
    part.push(input);
    if (part.length < partSize(parts)) continue;
    yield part;
    parts++;
    part = [];
  }
  if (part.length > 0) yield part;
}

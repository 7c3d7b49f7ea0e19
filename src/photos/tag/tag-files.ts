import { hash } from 'node:crypto';
import { isError } from '../../core/model/outcome.ts';
import type { Clock } from '../../core/runtime/clock.ts';
import { ImgclsError, readFault } from '../../core/runtime/errors.ts';
import { FORMAT } from '../../core/runtime/versioned.ts';
import type { FileJournal } from '../file-journal.ts';
import type { LabelledFile } from '../labelled-files.ts';
import { patchTo } from '../patch.ts';
import { type StagedFile, stageFile } from '../staged-file.ts';
import { UnusableSidecarError } from '../xmp/document.ts';
import { type Keywords, withKeywords } from '../xmp/keywords.ts';
import { ChangedByTags } from './changed-by-tags.ts';
import { type EditPacket, isAsRead, type PlannedChange } from './keyword-file.ts';
import { keywordsOf } from './keywords-of.ts';
import type { TagEntry } from './tag-journal.ts';

export interface TagOptions {
  job: string;
  /** Labels and categories with a lower score are no keywords. */
  minScore: number;
  /** Maximum number of labels. */
  top: number;
  /** Where keywords are written. */
  place: KeywordPlace;
  journal: FileJournal<TagEntry>;
  /** Changes no file. */
  dryRun: boolean;
  clock: Pick<Clock, 'nowMs'>;
}

/** Sidecars, or the photographs themselves. */
export interface KeywordPlace {
  /** What an error calls it: "its sidecar". */
  name: string;
  /** @returns undefined if nothing changes. @throws {UnusableSidecarError} and errors of the file system. */
  plan(photo: string, edit: EditPacket): Promise<PlannedChange | undefined>;
}

/** What happened to a photograph. `file` is what was changed: its sidecar or itself. */
export type TagResult =
  | { kind: 'tagged'; photo: string; file: string; words: readonly string[]; isNew: boolean }
  | { kind: 'unchanged' | 'unsure' | 'failed' }
  | { kind: 'skipped'; photo: string; why: string };

/** A change that is ready, with the photograph and the keywords that it is for. */
interface ReadyChange {
  photo: string;
  change: PlannedChange;
  keywords: Keywords;
}

/** So many changes share one write of the journal, which waits for the disk. */
const CHANGES_AT_ONCE = 32;
/** Fewer of large photographs, whose contents are in memory until then. */
const HELD_BYTES = 64 * 1024 * 1024;

const heldBytes = (ready: readonly ReadyChange[]): number =>
  ready.reduce((sum, { change }) => sum + change.after.length + (change.before?.content.length ?? 0), 0);

/** Writes the sure labels of photographs into their sidecars, in place of what imgcls wrote earlier. */
export async function* tagFiles(
  files: AsyncIterable<LabelledFile>,
  options: TagOptions,
): AsyncGenerator<TagResult> {
  const changed = await ChangedByTags.read(options.journal, options.job);
  let ready: ReadyChange[] = [];
  for await (const file of files) {
    const planned = await planOrResult(file, changed, options);
    if ('kind' in planned) yield planned;
    else ready.push(planned);
    if (ready.length < CHANGES_AT_ONCE && heldBytes(ready) < HELD_BYTES) continue;
    yield* make(ready, options);
    ready = [];
  }
  yield* make(ready, options);
}

async function planOrResult(
  { outcome, path: photo, content }: LabelledFile,
  changed: ChangedByTags,
  options: TagOptions,
): Promise<ReadyChange | TagResult> {
  if (isError(outcome)) return { kind: 'failed' };
  const skipped = (why: string): TagResult => ({ kind: 'skipped', photo: photo ?? outcome.name, why });
  if (photo === undefined) return skipped('not a file of this machine');
  const why = await changed.whyNotLabelled(photo, content);
  if (why !== undefined) return skipped(`the file ${why}`);
  const keywords = keywordsOf(outcome, options);
  try {
    const change = await options.place.plan(photo, (text) => withKeywords(text, keywords));
    if (change !== undefined && patchBytes(change) > MAX_PATCH_BYTES) return skipped(TOO_MUCH);
    if (change !== undefined) return { photo, change, keywords };
    return { kind: keywords.words.length === 0 ? 'unsure' : 'unchanged' };
  } catch (error) {
    return skipped(whyNotTagged(error, options.place.name));
  }
}

function whyNotTagged(error: unknown, what: string): string {
  if (error instanceof UnusableSidecarError) return `${what} ${error.message}`;
  if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
  return `${what} cannot be read: ${readFault(error)}`;
}

/** What the journal keeps for an undo. JPEG and PNG take a few kilobytes: the rest of the file stays as it is. */
const MAX_PATCH_BYTES = 1024 * 1024;
const TOO_MUCH =
  'a tag rewrites files of this format as a whole, so that an undo would need a copy; use a sidecar';

const patchBytes = ({ before, after }: PlannedChange): number =>
  before === undefined ? 0 : patchTo(before.content, after).between.length;

/** Writes what is new beside the files, then the journal, and then puts each in its place. */
async function* make(ready: readonly ReadyChange[], options: TagOptions): AsyncGenerator<TagResult> {
  if (options.dryRun) {
    yield* ready.map(resultOf);
    return;
  }
  const attempts = await Promise.all(ready.map((each) => stage(each, options)));
  const staged = attempts.filter((attempt) => 'staging' in attempt);
  try {
    yield* attempts.filter((attempt) => 'kind' in attempt);
    await options.journal.append(
      options.job,
      staged.map(({ ready: each }) => entryOf(each)),
    );
    for (const each of staged) yield await put(each);
  } finally {
    for (const { staging } of staged) await staging.discard();
  }
}

interface StagedChange {
  ready: ReadyChange;
  staging: StagedFile;
}

async function stage(ready: ReadyChange, { clock, place }: TagOptions): Promise<StagedChange | TagResult> {
  const { file, before, after } = ready.change;
  try {
    const staging = await stageFile(file, after, { mode: before?.mode, nowMs: clock.nowMs() });
    return { ready, staging };
  } catch (error) {
    return { kind: 'skipped', photo: ready.photo, why: whyNotWritten(error, place.name) };
  }
}

const resultOf = ({ photo, change, keywords }: ReadyChange): TagResult => ({
  kind: 'tagged',
  photo,
  file: change.file,
  words: keywords.words,
  isNew: change.before === undefined,
});

async function put({ ready, staging }: StagedChange): Promise<TagResult> {
  if (await isAsRead(ready.change)) {
    await staging.commit();
    return resultOf(ready);
  }
  return {
    kind: 'skipped',
    photo: ready.photo,
    why: `another program changed ${ready.change.file} at the same moment`,
  };
}

/** @throws a full disk, which the next file would meet as well. */
function whyNotWritten(error: unknown, what: string): string {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (syscall === undefined) throw error;
  if (code === 'ENOSPC' || code === 'EDQUOT')
    throw new ImgclsError('permanent', 'Cannot write tags: the disk is full.', {
      hint: 'Free some space, and run the command again.',
      cause: error,
    });
  if (code === 'EEXIST')
    return `${what} is being written by another imgcls; run the command again in a minute`;
  return `${what} cannot be written: ${readFault(error)}`;
}

const sha256 = (content: Buffer): string => hash('sha256', content);

function entryOf({ photo, change, keywords }: ReadyChange): TagEntry {
  const { file, before, after } = change;
  const { words, paths } = keywords;
  const entry: TagEntry = {
    v: FORMAT,
    photo,
    file,
    after: { sha256: sha256(after) },
    keywords: { words: [...words], paths: paths.map((path) => [...path]) },
  };
  if (before === undefined) return entry;
  const { begin, end, between } = patchTo(before.content, after);
  return {
    ...entry,
    before: { sha256: sha256(before.content), mtimeMs: before.mtimeMs },
    patch: { begin, end, between: between.toString('base64') },
  };
}

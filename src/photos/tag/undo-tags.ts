import { hash } from 'node:crypto';
import { access, readFile, rm, stat, utimes } from 'node:fs/promises';
import type { Clock } from '../../core/runtime/clock.ts';
import { readFault } from '../../core/runtime/errors.ts';
import type { FileJournal } from '../file-journal.ts';
import { patched } from '../patch.ts';
import { stagedPath, stageFile } from '../staged-file.ts';
import { UnusableSidecarError } from '../xmp/document.ts';
import { EMPTY_SIDECAR, withoutKeywords } from '../xmp/keywords.ts';
import { planSidecar } from './keyword-file.ts';
import type { KeywordPlace } from './tag-files.ts';
import type { TagEntry } from './tag-journal.ts';

export interface UndoOptions {
  journal: FileJournal<TagEntry>;
  /** Which changes are undone. */
  isWanted(entry: TagEntry): boolean;
  /** Opens what changes photographs themselves. Called only if another program has changed one since. */
  openEmbedded(): Promise<Pick<KeywordPlace, 'plan'>>;
  /** Changes no file. */
  dryRun: boolean;
  clock: Pick<Clock, 'nowMs'>;
}

/**
 * `deleted`: a sidecar of imgcls that has not changed since. `restored`: the file is what it was, byte for byte.
 * `removed`: another program has changed the file since, so only the keywords of imgcls went.
 */
export type UndoResult =
  | { kind: 'deleted' | 'restored' | 'removed'; file: string }
  | { kind: 'nothing' }
  | { kind: 'skipped'; file: string; why: string };

/** Undoes changes of these jobs, the last one first. What could not be undone stays in the journal. */
export async function* undoTags(jobs: readonly string[], options: UndoOptions): AsyncGenerator<UndoResult> {
  for (const job of jobs) {
    const entries = await options.journal.read(job);
    const kept = new Set(entries.filter((entry) => !options.isWanted(entry)));
    for (const entry of entries.toReversed()) {
      if (kept.has(entry)) continue;
      const result = await undo(entry, options);
      if (result.kind === 'skipped') kept.add(entry);
      yield result;
    }
    if (!options.dryRun && kept.size < entries.length)
      await options.journal.replace(
        job,
        entries.filter((entry) => kept.has(entry)),
      );
  }
}

async function undo(entry: TagEntry, options: UndoOptions): Promise<UndoResult> {
  const { file } = entry;
  try {
    // Of a process that was killed.
    if (!options.dryRun) await rm(stagedPath(file), { force: true });
    const found = await readFile(file);
    const earlier = contentBefore(entry, found);
    if (earlier === 'present') return { kind: 'nothing' };
    if (earlier === 'none') return await deleteFile(file, options);
    if (earlier !== 'unknown') {
      await replace(file, earlier, options);
      const { mtimeMs = 0 } = entry.before ?? {};
      if (!options.dryRun) await utimes(file, mtimeMs / 1000, mtimeMs / 1000);
      return { kind: 'restored', file };
    }
    return await removeKeywords(entry, options);
  } catch (error) {
    return await failedUndo(entry, error);
  }
}

async function removeKeywords(
  { file, photo, keywords }: TagEntry,
  options: UndoOptions,
): Promise<UndoResult> {
  const edit = (text: string) => withoutKeywords(text, keywords);
  const isEmbedded = file === photo;
  const change = isEmbedded
    ? await (await options.openEmbedded()).plan(file, edit)
    : await planSidecar(file, edit);
  if (change === undefined) return { kind: 'nothing' };
  if (!isEmbedded && change.after.toString() === EMPTY_SIDECAR) return await deleteFile(file, options);
  await replace(file, change.after, options);
  return { kind: 'removed', file };
}

async function failedUndo({ file, photo }: TagEntry, error: unknown): Promise<UndoResult> {
  const { code, syscall } = error as NodeJS.ErrnoException;
  // Who deleted a sidecar has taken the keywords away, too. It may have been moved with its photograph.
  if (code === 'ENOENT' && (await isThere(photo))) return { kind: 'nothing' };
  if (code === 'ENOENT') return { kind: 'skipped', file: photo, why: MOVED };
  if (error instanceof UnusableSidecarError) return { kind: 'skipped', file, why: `it ${error.message}` };
  if (syscall === undefined) throw error;
  return { kind: 'skipped', file, why: readFault(error) };
}

const MOVED = 'it is not there; if "imgcls sort" has moved it, undo that first';

const isThere = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );

/** The content before the change. `present`: it is there. `unknown`: the file is not what the change made of it. */
function contentBefore(
  { before, after, patch }: TagEntry,
  found: Buffer,
): Buffer | 'none' | 'present' | 'unknown' {
  const sha256 = hash('sha256', found);
  if (sha256 === before?.sha256) return 'present';
  if (sha256 !== after.sha256) return 'unknown';
  if (before === undefined || patch === undefined) return 'none';
  const earlier = patched(found, { ...patch, between: Buffer.from(patch.between, 'base64') });
  return hash('sha256', earlier) === before.sha256 ? earlier : 'unknown';
}

async function deleteFile(file: string, { dryRun }: UndoOptions): Promise<UndoResult> {
  if (!dryRun) await rm(file);
  return { kind: 'deleted', file };
}

async function replace(file: string, content: Buffer, { dryRun, clock }: UndoOptions): Promise<void> {
  if (dryRun) return;
  const { mode } = await stat(file);
  const staged = await stageFile(file, content, { mode: mode & 0o7777, nowMs: clock.nowMs() });
  await staged.commit();
}

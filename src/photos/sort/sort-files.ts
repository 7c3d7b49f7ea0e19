import { lstat, mkdir, unlink } from 'node:fs/promises';
import path from 'node:path';
import type { Level } from '../../core/model/level.ts';
import { isError } from '../../core/model/outcome.ts';
import { ImgclsError, messageOf, readFault } from '../../core/runtime/errors.ts';
import { FORMAT } from '../../core/runtime/versioned.ts';
import type { FileJournal } from '../file-journal.ts';
import { type LabelledFile, sha256Of, whyNotLabelled } from '../labelled-files.ts';
import { sidecarOf } from '../sidecar.ts';
import { sureLabel } from '../tag/keywords-of.ts';
import { areTwoNames, isCutOffMove, isDone, putFile } from './put-file.ts';
import { safeName } from './safe-name.ts';
import type { FileStep, SortEntry, SortMode } from './sort-journal.ts';

export interface SortOptions {
  job: string;
  /** Whether folders are those of classes or of categories. */
  level: Level;
  /** Photographs with a lower score stay where they are. */
  minScore: number;
  mode: SortMode;
  /** Absolute. */
  into: string;
  journal: FileJournal<SortEntry>;
  /** Changes no file. */
  dryRun: boolean;
}

/** What happened to a photograph. */
export type SortResult =
  | { kind: 'sorted'; from: string; to: string }
  | { kind: 'unchanged' | 'unsure' | 'failed' }
  | { kind: 'skipped'; photo: string; why: string };

/** A photograph, and what is done with it and its sidecars. */
interface PlannedSort {
  photo: string;
  to: string;
  folders: string[];
  steps: FileStep[];
}

/** So many photographs share one write of the journal, which waits for the disk. */
const PHOTOS_AT_ONCE = 32;

/** Puts photographs with a sure label, and their sidecars, into the folders of their labels. Replaces no file. */
export async function* sortFiles(
  files: AsyncIterable<LabelledFile>,
  options: SortOptions,
): AsyncGenerator<SortResult> {
  const planner = new Planner(options, await movedBefore(options));
  let batch: PlannedSort[] = [];
  for await (const file of files) {
    const next = await planner.plan(file);
    if ('kind' in next) yield next;
    else batch.push(next);
    if (batch.length < PHOTOS_AT_ONCE) continue;
    yield* make(batch, options);
    batch = [];
  }
  yield* make(batch, options);
}

/** Where the photographs are that an earlier run of this command has moved. */
async function movedBefore({ journal, job }: SortOptions): Promise<ReadonlyMap<string, string>> {
  const entries = await journal.read(job);
  return new Map(
    entries.flatMap((entry) => ('to' in entry && entry.mode === 'move' ? [[entry.from, entry.to]] : [])),
  );
}

class Planner {
  readonly #options: SortOptions;
  readonly #moved: ReadonlyMap<string, string>;
  /** Of this run: a name may be planned and not yet there. Without distinction of case, as some disks make none. */
  readonly #taken = new Set<string>();
  readonly #folders = new Set<string>();

  constructor(options: SortOptions, moved: ReadonlyMap<string, string>) {
    this.#options = options;
    this.#moved = moved;
  }

  async plan({ outcome, path: photo, content }: LabelledFile): Promise<PlannedSort | SortResult> {
    if (isError(outcome)) return { kind: 'failed' };
    const skipped = (why: string): SortResult => ({ kind: 'skipped', photo: photo ?? outcome.name, why });
    if (photo === undefined) return skipped('not a file of this machine');
    const { mode, into } = this.#options;
    const label = sureLabel(outcome, this.#options);
    if (label === undefined) return { kind: 'unsure' };
    const stepTo = (to: string): FileStep => ({ v: FORMAT, mode, from: photo, to, sha256: content.sha256 });
    const earlier = this.#moved.get(photo);
    if (mode === 'move' && earlier !== undefined && (await exists(earlier))) {
      const isDone = !(await exists(photo));
      if (isDone || (await isCutOffMove(stepTo(earlier)))) return await planned(stepTo(earlier), { isDone });
    }
    const why = await whyNotLabelled(photo, content);
    if (why !== undefined) return skipped(`the file ${why}`);
    if (mode === 'move' && (await isLink(photo))) return skipped('it is a link, which cannot be moved');
    const folder = path.join(into, safeName(label));
    const { to, isDone } = await this.#freeName(folder, stepTo);
    const next = await planned(stepTo(to), { isDone });
    return 'kind' in next ? next : { ...next, folders: await this.#newFolders(folder) };
  }

  /** A name that no file has: with a number, if need be. Or the one under which the photograph is there already. */
  async #freeName(
    folder: string,
    stepTo: (to: string) => FileStep,
  ): Promise<{ to: string; isDone: boolean }> {
    const { mode, from } = stepTo('');
    const { name, ext } = path.parse(from);
    const hasSidecar = await exists(sidecarOf(from));
    for (let number = 1; ; number++) {
      const suffix = number === 1 ? ext : `-${number}${ext}`;
      const to = path.join(folder, safeName(name, suffix));
      if (this.#taken.has(to.toLowerCase())) continue;
      if (await exists(to)) {
        if (!(await isDone(stepTo(to)))) continue;
        // A move that was cut off between its two halves leaves both names.
        if (mode !== 'move' || !(await areTwoNames(from, to))) return { to, isDone: true };
      } else if (hasSidecar && (await exists(sidecarOf(to)))) continue;
      this.#taken.add(to.toLowerCase());
      return { to, isDone: false };
    }
  }

  /** The folders to make, outermost first. */
  async #newFolders(folder: string): Promise<string[]> {
    if (this.#folders.has(folder) || (await exists(folder))) return [];
    this.#folders.add(folder);
    return [...(await this.#newFolders(path.dirname(folder))), folder];
  }
}

const isLink = (file: string): Promise<boolean> =>
  lstat(file).then(
    (found) => found.isSymbolicLink(),
    () => false,
  );

const exists = (file: string): Promise<boolean> =>
  lstat(file).then(
    () => true,
    () => false,
  );

/** What is left to do for a photograph, which may be in its place already, and its sidecar. */
async function planned(step: FileStep, { isDone }: { isDone: boolean }): Promise<PlannedSort | SortResult> {
  const { mode, from: photo, to } = step;
  const skipped = (why: string): SortResult => ({ kind: 'skipped', photo, why: `its sidecar ${why}` });
  if (mode === 'move' && (await isLink(sidecarOf(photo)))) return skipped('is a link, which cannot be moved');
  try {
    const steps = [...(isDone ? [] : [step]), ...(await sidecarSteps(step))];
    return steps.length === 0 ? { kind: 'unchanged' } : { photo, to, folders: [], steps };
  } catch (error) {
    return skipped(`cannot be read: ${readFault(error)}`);
  }
}

/** Sidecars go with their photograph: `photo.jpg.xmp`, which belongs to no other file. @throws errors of the file system. */
async function sidecarSteps({ mode, from, to }: FileStep): Promise<FileStep[]> {
  const sidecar = sidecarOf(from);
  if (!(await exists(sidecar))) return [];
  const sha256 = await sha256Of(sidecar);
  const step: FileStep = { v: FORMAT, mode, from: sidecar, to: sidecarOf(to), sha256 };
  const isLeft = !(await exists(step.to)) || (mode === 'move' && (await isCutOffMove(step)));
  return isLeft ? [step] : [];
}

/** Writes the journal, and then makes the steps. */
async function* make(batch: readonly PlannedSort[], options: SortOptions): AsyncGenerator<SortResult> {
  if (!options.dryRun)
    await options.journal.append(
      options.job,
      batch.flatMap(({ folders, steps }) => [
        ...folders.map((folder): SortEntry => ({ v: FORMAT, folder })),
        ...steps,
      ]),
    );
  for (const { photo, to, folders, steps } of batch) {
    try {
      if (!options.dryRun) {
        for (const folder of folders) await mkdir(folder).catch(unlessThere);
        for (const step of steps) await makeStep(step);
      }
      yield { kind: 'sorted', from: photo, to };
    } catch (error) {
      yield { kind: 'skipped', photo, why: whyNotSorted(error) };
    }
  }
}

function unlessThere(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}

async function makeStep(step: FileStep): Promise<void> {
  if (step.mode === 'move' && (await isCutOffMove(step))) await unlink(step.from);
  else await putFile(step);
}

const HINTS: Readonly<Record<string, string>> = {
  EXDEV: 'links to another disk are not possible there; use --copy',
  EEXIST: 'another file took its name at the same moment; run the command again',
};

/** @throws a full disk, which the next file would meet as well. */
function whyNotSorted(error: unknown): string {
  const { code = '', syscall } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT')
    throw new ImgclsError('permanent', 'Cannot sort photographs: the disk is full.', {
      hint: 'Free some space, and run the command again. It continues, and --undo takes back what it did.',
      cause: error,
    });
  return HINTS[code] ?? (syscall === undefined ? messageOf(error) : readFault(error));
}

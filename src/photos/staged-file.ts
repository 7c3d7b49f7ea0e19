import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';

/** A new content that is on the disk beside a file, and not yet under its name. */
export interface StagedFile {
  /** Puts the content in the place of the file, at once. */
  commit(): Promise<void>;
  discard(): Promise<void>;
}

/** A staged content that is older was left by a process that was killed. */
const ABANDONED_MS = 60_000;

/** @param mode permissions of the file; default: those of any new file. */
export async function stageFile(
  file: string,
  content: Uint8Array,
  { mode, nowMs }: { mode: number | undefined; nowMs: number },
): Promise<StagedFile> {
  const staged = stagedPath(file);
  const handle = await create(staged, nowMs);
  try {
    await handle.writeFile(content);
    if (mode !== undefined) await handle.chmod(mode);
    await handle.sync();
  } catch (error) {
    await rm(staged, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
  return { commit: () => rename(staged, file), discard: () => rm(staged, { force: true }) };
}

/** Where a new content is until it is complete. */
export const stagedPath = (file: string): string =>
  path.join(path.dirname(file), `.${path.basename(file)}.imgcls`);

async function create(staged: string, nowMs: number): Promise<FileHandle> {
  try {
    return await open(staged, 'wx');
  } catch (error) {
    const found = await stat(staged).catch(() => undefined);
    if (found === undefined || nowMs - found.mtimeMs < ABANDONED_MS) throw error;
    await rm(staged, { force: true });
    return await open(staged, 'wx');
  }
}

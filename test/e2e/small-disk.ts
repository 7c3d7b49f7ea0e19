/** Disks of a few megabytes, in memory, for data folders that are to run out of space or may only be read. Root makes them. */
import { execFile } from 'node:child_process';
import { mkdtemp, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { until } from '../contract/until.ts';

const run = promisify(execFile);

export interface SmallDisk {
  folder: string;
  /** Changes how it is mounted: `size=16m`, `ro`, `rw`. */
  change(option: string): Promise<void>;
  /** Unmounts it, and its content is gone. */
  remove(): Promise<void>;
}

export async function mountSmallDisk(megabytes: number): Promise<SmallDisk> {
  const folder = await mkdtemp(path.join(tmpdir(), 'imgcls-disk-'));
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=0700`, 'tmpfs', folder]);
  } catch (error) {
    await rmdir(folder);
    throw error;
  }
  return {
    folder,
    async change(option) {
      await untilNotBusy(() => run('mount', ['-o', `remount,${option}`, folder]));
    },
    async remove() {
      await untilNotBusy(() => run('umount', [folder]));
      await rmdir(folder);
    },
  };
}

/** A process that has just ended may still be closing its files. */
async function untilNotBusy(act: () => Promise<unknown>): Promise<void> {
  await until('the disk is not busy', async () => {
    try {
      await act();
      return true;
    } catch (error) {
      if (/busy/.test(String(error))) return undefined;
      throw error;
    }
  });
}

/**
 * Whether there can be any; those who cannot have them are told.
 * @throws where root may not mount in CI: there, a skipped suite is a failed one.
 */
export async function canMountDisks(): Promise<boolean> {
  const isRoot = process.getuid?.() === 0;
  try {
    if (!isRoot) throw new Error('This user is not root.');
    await (await mountSmallDisk(1)).remove();
    return true;
  } catch (cause) {
    const message = 'The tests of full and read-only disks mount a tmpfs, which takes root (CAP_SYS_ADMIN).';
    if (isRoot && process.env.CI) throw new Error(message, { cause });
    console.warn(`SKIPPED. ${message}\n${cause instanceof Error ? cause.message : cause}`);
    return false;
  }
}

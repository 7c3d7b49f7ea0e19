/**
 * Space in reserve for a full disk. A database writes before it deletes, so on a full disk nothing could be deleted. A
 * delete that finds the disk full frees the reserve, and a later sweep takes it again.
 */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rm, statfs, unlink, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DiskFullError } from '../core/runtime/errors.ts';
import { isMissingFile } from './faults.ts';

/** Deleting a job writes some hundred kilobytes of the database's log. */
const RESERVE_BYTES = 1024 * 1024;
/** It is not taken from a disk that has little space left. */
const MIN_FREE_BYTES = 16 * RESERVE_BYTES;

export class Reserve {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  /** Does nothing if it is there. Another process may have given it away, so each call looks. */
  async take(): Promise<void> {
    if (existsSync(this.#file)) return;
    const { bavail, bsize } = await statfs(dirname(this.#file));
    if (bavail * bsize < MIN_FREE_BYTES) return;
    try {
      // Not zeros: some file systems store none.
      await writeFile(this.#file, randomBytes(RESERVE_BYTES), { flag: 'wx', mode: 0o600 });
    } catch (error) {
      // Another process may have taken it meanwhile.
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return;
      await rm(this.#file, { force: true });
      throw error;
    }
  }

  /** Runs a delete that can be repeated: with the reserve if the disk is full. */
  async forDelete<T>(run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof DiskFullError) || !(await this.#giveAway())) throw error;
      return await run();
    }
  }

  /** @returns false if there was none. */
  async #giveAway(): Promise<boolean> {
    try {
      await unlink(this.#file);
      return true;
    } catch (error) {
      if (isMissingFile(error)) return false;
      throw error;
    }
  }
}

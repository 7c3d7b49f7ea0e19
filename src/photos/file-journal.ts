import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import type * as z from 'zod';
import { parseVersioned } from '../core/runtime/versioned.ts';

/** Ends the name of each journal; before it is the id of the job. */
const ENDING = '.ndjson';

/**
 * What a command has done to files, one entry a line, in a file for each job: so that it can be undone. An entry is on
 * the disk before its change is made.
 */
export class FileJournal<Entry extends object> {
  readonly #folder: string;
  readonly #schema: z.ZodType<Entry>;

  constructor(folder: string, schema: z.ZodType<Entry>) {
    this.#folder = folder;
    this.#schema = schema;
  }

  async append(job: string, entries: readonly Entry[]): Promise<void> {
    if (entries.length === 0) return;
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    // The last line has no end if its writer was killed.
    await this.#write(job, 'a', `\n${linesOf(entries)}`);
    await syncFolder(this.#folder);
  }

  /** The jobs that have entries, newest first. */
  async jobs(): Promise<string[]> {
    const names = await readdir(this.#folder).catch(noneIfMissing);
    const jobs = names.filter((name) => name.endsWith(ENDING)).map((name) => name.slice(0, -ENDING.length));
    return jobs.sort().reverse();
  }

  /** The entries of a job, oldest first. None if nothing was done. */
  async read(job: string): Promise<Entry[]> {
    const file = this.#fileOf(job);
    const [text = ''] = await readFile(file, 'utf8').then((found) => [found], noneIfMissing);
    return text
      .split('\n')
      .filter(isJson)
      .map((line) => parseVersioned(this.#schema, line, `journal ${file}`));
  }

  /** Keeps only these entries. */
  async replace(job: string, entries: readonly Entry[]): Promise<void> {
    if (entries.length === 0) {
      await rm(this.#fileOf(job), { force: true });
      return;
    }
    await this.#write(`${job}.new`, 'w', linesOf(entries));
    await rename(this.#fileOf(`${job}.new`), this.#fileOf(job));
  }

  async #write(name: string, flags: 'a' | 'w', text: string): Promise<void> {
    const file = await open(this.#fileOf(name), flags, 0o600);
    try {
      await file.writeFile(text);
      await file.datasync();
    } finally {
      await file.close();
    }
  }

  #fileOf = (name: string): string => path.join(this.#folder, `${name}${ENDING}`);
}

const linesOf = (entries: readonly object[]): string =>
  entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');

/** A line that is cut off never reached the disk in full, so its change was not made. */
function isJson(line: string): boolean {
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}

function noneIfMissing(error: NodeJS.ErrnoException): [] {
  if (error.code === 'ENOENT') return [];
  throw error;
}

/** Puts the names in a folder on the disk, where the system can do so. */
export async function syncFolder(folder: string): Promise<void> {
  const opened = await open(folder, 'r').catch(() => undefined);
  await opened?.sync().catch(() => {});
  await opened?.close();
}

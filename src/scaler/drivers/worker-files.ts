import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { PoisonError } from '../../core/runtime/errors.ts';
import { FORMAT, formatVersion, parseVersioned } from '../../core/runtime/versioned.ts';

/** `<logDir>/<id>.pid`: one launched worker, so that the next controller knows it before it says a word. */
const workerFile = z.object({
  v: formatVersion,
  id: z.string(),
  host: z.string(),
  pid: z.int(),
  startTicks: z.string().optional(),
  /** Wall clock, as `retiredAtMs`. */
  launchedAtMs: z.number(),
  /** When it was told to end. */
  retiredAtMs: z.number().optional(),
});
export type WorkerFile = Readonly<Omit<z.infer<typeof workerFile>, 'v'>>;

const ENDING = '.pid';
const LAST_WORDS_BYTES = 2000;

/** The workers that were launched on this machine and may still be there, and their logs beside them. */
export class WorkerFiles {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** At once, so that no controller is killed between the start of a worker and this. */
  write(file: WorkerFile): void {
    mkdirSync(this.#folder, { recursive: true });
    const target = this.#path(file.id, ENDING);
    // It appears whole: another controller may be reading.
    const draft = `${target}.${process.pid}`;
    writeFileSync(draft, JSON.stringify({ v: FORMAT, ...file }), { mode: 0o600 });
    renameSync(draft, target);
  }

  /** @throws {NewerVersionError} when a newer imgcls wrote one. */
  async list(): Promise<WorkerFile[]> {
    const names = await readdir(this.#folder).catch(undefinedIfMissing);
    const endings = (names ?? []).filter((name) => name.endsWith(ENDING));
    const files = await Promise.all(endings.map((name) => this.#read(path.join(this.#folder, name))));
    return files.filter((file) => file !== undefined);
  }

  async get(id: string): Promise<WorkerFile | undefined> {
    return await this.#read(this.#path(id, ENDING));
  }

  async remove(id: string): Promise<void> {
    await rm(this.#path(id, ENDING), { force: true });
  }

  logPath(id: string): string {
    return path.resolve(this.#path(id, '.log'));
  }

  /** The caller closes it. */
  async openLog(id: string) {
    await mkdir(this.#folder, { recursive: true });
    return await open(this.logPath(id), 'a', 0o600);
  }

  async removeLog(id: string): Promise<void> {
    await rm(this.logPath(id), { force: true });
  }

  /** The end of its log; empty where it said nothing. */
  async lastWords(id: string): Promise<string> {
    const log = await open(this.logPath(id)).catch(undefinedIfMissing);
    if (log === undefined) return '';
    try {
      const { size } = await log.stat();
      const { buffer, bytesRead } = await log.read({
        buffer: Buffer.alloc(LAST_WORDS_BYTES),
        position: Math.max(0, size - LAST_WORDS_BYTES),
      });
      return buffer.toString('utf8', 0, bytesRead).trim();
    } finally {
      await log.close();
    }
  }

  async #read(file: string): Promise<WorkerFile | undefined> {
    const text = await readFile(file, 'utf8').catch(undefinedIfMissing);
    if (text === undefined) return undefined;
    try {
      return parseVersioned(workerFile, text, `worker file ${file}`);
    } catch (error) {
      // Cut off when the machine went down, and its worker with it.
      if (error instanceof PoisonError) return undefined;
      throw error;
    }
  }

  /** A worker's id may come from its report: whatever it is, it stays in the folder. */
  #path(id: string, ending: string): string {
    return path.join(this.#folder, `${encodeURIComponent(id)}${ending}`);
  }
}

function undefinedIfMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

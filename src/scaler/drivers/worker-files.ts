import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { PoisonError } from '../../core/runtime/errors.ts';
import { FORMAT, formatVersion, parseVersioned } from '../../core/runtime/versioned.ts';

/** `<logDir>/<id>.pid`: one launched worker, so that the next controller knows it before its first status. */
const workerFile = z.object({
  v: formatVersion,
  id: z.string(),
  host: z.string(),
  /** Signals to 0 and negative numbers go to groups of processes. */
  pid: z.int().positive(),
  startTicks: z.string().optional(),
  /** Wall clock, as `retiredAtMs`. */
  launchedAtMs: z.number(),
  retiredAtMs: z.number().optional(),
});
export type WorkerFile = Readonly<Omit<z.infer<typeof workerFile>, 'v'>>;

const EXTENSION = '.pid';
const LOG_TAIL_BYTES = 2000;

/** Files of the workers that were launched on this machine and may still run, with their logs beside them. */
export class WorkerFiles {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Synchronous, so that there is no pause between the start of a worker and its file in which a controller may be killed. */
  write(file: WorkerFile): void {
    mkdirSync(this.#folder, { recursive: true });
    const target = this.#path(file.id, EXTENSION);
    // Renamed into place, because another controller may be reading.
    const draft = `${target}.${process.pid}`;
    writeFileSync(draft, JSON.stringify({ v: FORMAT, ...file }), { mode: 0o600 });
    renameSync(draft, target);
  }

  /** @throws {NewerVersionError} if a newer imgcls wrote one. */
  async list(): Promise<WorkerFile[]> {
    const names = await readdir(this.#folder).catch(undefinedIfMissing);
    const endings = (names ?? []).filter((name) => name.endsWith(EXTENSION));
    const files = await Promise.all(endings.map((name) => this.#read(path.join(this.#folder, name))));
    return files.filter((file) => file !== undefined);
  }

  async get(id: string): Promise<WorkerFile | undefined> {
    return await this.#read(this.#path(id, EXTENSION));
  }

  async remove(id: string): Promise<void> {
    await rm(this.#path(id, EXTENSION), { force: true });
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

  /** The end of the worker's log; empty if there is none. */
  async logTail(id: string): Promise<string> {
    const log = await open(this.logPath(id)).catch(undefinedIfMissing);
    if (log === undefined) return '';
    try {
      const { size } = await log.stat();
      const { buffer, bytesRead } = await log.read({
        buffer: Buffer.alloc(LOG_TAIL_BYTES),
        position: Math.max(0, size - LOG_TAIL_BYTES),
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
      // Truncated when the machine went down, and its worker with it.
      if (error instanceof PoisonError) return undefined;
      throw error;
    }
  }

  /** Encoded, because an id may come from a worker's status and must not lead out of the folder. */
  #path(id: string, ending: string): string {
    return path.join(this.#folder, `${encodeURIComponent(id)}${ending}`);
  }
}

function undefinedIfMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

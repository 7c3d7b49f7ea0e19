import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { isWorker, startTicks } from './processes.ts';

const workerFile = z.object({
  id: z.string(),
  pid: z.int(),
  /** With the process id it names the process for good. Absent where the system does not tell. */
  startTicks: z.string().optional(),
  launchedAtMs: z.number(),
  decision: z.string(),
  retiredAtMs: z.number().optional(),
});
/** One launched worker, on disk: so that the next controller knows it before it says a word. */
export type WorkerFile = z.infer<typeof workerFile>;

const ENDING = '.process.json';

/** The workers that were launched on this machine and may still be there. */
export class WorkerFiles {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Where the worker's log goes. */
  logFile(id: string): string {
    return path.join(this.#folder, `${id}.log`);
  }

  async write(file: WorkerFile): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    const target = this.#path(file.id);
    // It appears whole: another controller may be reading.
    await writeFile(`${target}.${process.pid}`, JSON.stringify(file), { mode: 0o600 });
    await rename(`${target}.${process.pid}`, target);
  }

  async remove(id: string): Promise<void> {
    await rm(this.#path(id), { force: true });
  }

  async list(): Promise<WorkerFile[]> {
    const names = await readdir(this.#folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    const files = await Promise.all(
      names.filter((name) => name.endsWith(ENDING)).map((name) => this.#read(name)),
    );
    return files.filter((file) => file !== undefined);
  }

  async #read(name: string): Promise<WorkerFile | undefined> {
    try {
      return workerFile.parse(JSON.parse(await readFile(path.join(this.#folder, name), 'utf8')));
    } catch {
      // Removed meanwhile, or cut off by a full disk: its worker is known by its status once it reports.
      return undefined;
    }
  }

  #path(id: string): string {
    return path.join(this.#folder, `${id}${ENDING}`);
  }
}

/** Whether the very process that was launched is still there. */
export async function isAlive({
  pid,
  startTicks: since,
}: Pick<WorkerFile, 'pid' | 'startTicks'>): Promise<boolean> {
  if (!(await isWorker(pid))) return false;
  return since === undefined || (await startTicks(pid)) === since;
}

/** This machine: every cold start has an empty data folder, and all warm starts share a worker. */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import path from 'node:path';
import { Cleanup } from '../core/runtime/cleanup.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import type { Product } from './product.ts';
import { type BenchEnvironment, type Boot, bootOf, type Site } from './site.ts';

export interface LocalSiteOptions {
  product: Product;
  /** The environment of every command; the data folder is added. */
  env: NodeJS.ProcessEnv;
  /** NAME/VARIANT. */
  model: string;
  /** The user's data folder. Its models are used; nothing is written to it. */
  userDataDir: string;
  /** An empty folder for all files. */
  work: string;
}

/** Subfolders of a data folder: the user's model library, and the models optimised for this CPU. */
const MODELS = 'models';
const OPTIMISED = 'optimised-models';

/** @throws {ImgclsError} of kind `permanent` if the model cannot be optimised. */
export async function openLocalSite(options: LocalSiteOptions): Promise<Site> {
  const { product, env, userDataDir, work, model } = options;
  const cleanup = new Cleanup();
  const library = path.join(userDataDir, MODELS);
  const prepared = path.join(work, 'prepared');
  await mkdir(path.join(prepared, OPTIMISED), { recursive: true });
  if (existsSync(library)) await link(library, path.join(prepared, MODELS));
  const inFolder = (dataDir: string) => ({ ...env, IMGCLS_DATA_DIR: dataDir });
  // A worker does this by itself when it first uses a model. Later starts are measured, not that first one.
  const optimised = await product.run(['model', 'optimize', model], inFolder(prepared));
  if (optimised.code !== 0)
    throw new ImgclsError('permanent', `Could not optimise model ${model}.`, {
      hint: optimised.stderr,
    });

  async function openFresh(): Promise<BenchEnvironment> {
    const dataDir = await mkdtemp(path.join(work, 'data-'));
    for (const name of [MODELS, OPTIMISED]) {
      const folder = path.join(prepared, name);
      if (existsSync(folder)) await link(folder, path.join(dataDir, name));
    }
    return {
      env: inFolder(dataDir),
      release: () => rm(dataDir, { recursive: true, force: true, maxRetries: 10 }),
    };
  }
  let warm: Promise<BenchEnvironment> | undefined;
  async function openWarm(): Promise<BenchEnvironment> {
    const environment = await openFresh();
    cleanup.add(environment.release);
    const worker = await product.startWorker(environment.env);
    cleanup.add(worker.end);
    return { env: environment.env, release: async () => {} };
  }
  return {
    prepare(start) {
      if (start !== 'warm') return openFresh();
      // After a failed start the next call tries again.
      warm ??= openWarm().catch((error) => {
        warm = undefined;
        throw error;
      });
      return warm;
    },
    async boot(): Promise<Boot> {
      const environment = await openFresh();
      try {
        const { readyMs, milestones, end } = await product.startWorker(environment.env);
        await end();
        const { modelReadyMs = 0, readyMs: receivesMs = 0 } = milestones;
        // The time before the process existed, which it cannot measure itself.
        const launchToProcessMs = Math.max(0, readyMs - Math.max(modelReadyMs, receivesMs));
        return bootOf({ boot: { ...milestones, launchToProcessMs } });
      } finally {
        await environment.release();
      }
    },
    workerKinds: async () => [],
    close: () => cleanup.run(),
  };
}

/** A junction needs no privileges on Windows. */
const link = (folder: string, at: string) => symlink(path.resolve(folder), at, 'junction');

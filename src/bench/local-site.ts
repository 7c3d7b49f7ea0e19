/** This machine: every cold start has an empty data folder, all warm ones share a worker. */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import path from 'node:path';
import { Cleanup } from '../core/runtime/cleanup.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import type { Product } from './product.ts';
import { type BenchEnvironment, type Boot, bootOf, type Site } from './site.ts';

export interface LocalSiteOptions {
  product: Product;
  /** Of every command; the data folder is added. */
  env: NodeJS.ProcessEnv;
  /** NAME/VARIANT of what classifies. */
  model: string;
  /** The user's data folder: its models are used, and nothing is written to it. */
  userDataDir: string;
  /** An empty folder for everything. */
  work: string;
}

/** Folders of models in a data folder: those of the user's library, and what was made of them for this CPU. */
const MODELS = 'models';
const OPTIMISED = 'optimised-models';

/** @throws {ImgclsError} of kind `permanent` when the model cannot be made ready. */
export async function openLocalSite(options: LocalSiteOptions): Promise<Site> {
  const { product, env, userDataDir, work, model } = options;
  const cleanup = new Cleanup();
  const library = path.join(userDataDir, MODELS);
  const prepared = path.join(work, 'prepared');
  await mkdir(path.join(prepared, OPTIMISED), { recursive: true });
  if (existsSync(library)) await link(library, path.join(prepared, MODELS));
  const inFolder = (dataDir: string) => ({ ...env, IMGCLS_DATA_DIR: dataDir });
  // A worker does so by itself when it first uses a model; what is measured is every start but that one.
  const optimised = await product.run(['model', 'optimize', model], inFolder(prepared));
  if (optimised.code !== 0)
    throw new ImgclsError('permanent', `The model ${model} cannot be made ready.`, {
      hint: optimised.stderr,
    });

  async function fresh(): Promise<BenchEnvironment> {
    const dataDir = await mkdtemp(path.join(work, 'data-'));
    for (const name of [MODELS, OPTIMISED]) {
      const folder = path.join(prepared, name);
      if (existsSync(folder)) await link(folder, path.join(dataDir, name));
    }
    return {
      env: inFolder(dataDir),
      leave: () => rm(dataDir, { recursive: true, force: true, maxRetries: 10 }),
    };
  }
  let warm: Promise<BenchEnvironment> | undefined;
  async function openWarm(): Promise<BenchEnvironment> {
    const place = await fresh();
    cleanup.add(place.leave);
    const worker = await product.startWorker(place.env);
    cleanup.add(worker.end);
    return { env: place.env, leave: async () => {} };
  }
  return {
    place(start) {
      if (start !== 'warm') return fresh();
      // One that did not start is no reason for the next not to.
      warm ??= openWarm().catch((error) => {
        warm = undefined;
        throw error;
      });
      return warm;
    },
    async boot(): Promise<Boot> {
      const place = await fresh();
      try {
        const { readyMs, milestones, end } = await product.startWorker(place.env);
        await end();
        const { modelReadyMs = 0, readyMs: receivesMs = 0 } = milestones;
        // What the process does not know of, since it was not there yet.
        const launchToProcessMs = Math.max(0, readyMs - Math.max(modelReadyMs, receivesMs));
        return bootOf({ boot: { ...milestones, launchToProcessMs } });
      } finally {
        await place.leave();
      }
    },
    workerKinds: async () => [],
    close: () => cleanup.run(),
  };
}

/** Works without privileges on every system. */
const link = (folder: string, at: string) => symlink(path.resolve(folder), at, 'junction');

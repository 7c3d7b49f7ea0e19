import { execFile } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { modelEnvironment } from '../core/model/model-environment.ts';
import { createOptimisedModels, type OptimisedModels } from '../model/optimised.ts';
import { describePlatform } from '../model/platform.ts';
import type { RunSettings } from './settings.ts';

/** Optimising a model of hundreds of megabytes takes seconds; the limit is for a process that hangs. */
const TIMEOUT_MS = 300_000;

/** The optimised models of this machine, for workers and `imgcls model`. Child processes create them. */
export function openOptimisedModels({ dataDir }: Pick<RunSettings, 'dataDir'>): OptimisedModels {
  const entry = new URL(`../model/optimise-main${path.extname(import.meta.url)}`, import.meta.url);
  const run = promisify(execFile);
  return createOptimisedModels({
    dir: path.join(dataDir, 'optimised-models'),
    platform: describePlatform,
    async optimise(weights, to, signal) {
      await run(process.execPath, [fileURLToPath(entry), weights, to], {
        timeout: TIMEOUT_MS,
        env: modelEnvironment(process.env),
        ...(signal && { signal }),
      });
    },
  });
}

import { execFile } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createOptimisedModels, type OptimisedModels } from '../model/optimised.ts';
import { describePlatform } from '../model/platform.ts';
import type { RunSettings } from './settings.ts';

/** A model of hundreds of megabytes takes seconds. */
const TIMEOUT_MS = 300_000;

/** The models of this machine as they are after optimisation for its CPU; made in child processes. */
export function openOptimisedModels({ dataDir }: Pick<RunSettings, 'dataDir'>): OptimisedModels {
  const entry = new URL(`../model/optimise-main${path.extname(import.meta.url)}`, import.meta.url);
  const run = promisify(execFile);
  return createOptimisedModels({
    dir: path.join(dataDir, 'optimised-models'),
    platform: describePlatform,
    async optimise(weights, to, signal) {
      await run(process.execPath, [fileURLToPath(entry), weights, to], {
        timeout: TIMEOUT_MS,
        ...(signal && { signal }),
      });
    },
  });
}

import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import type { ModelManifest } from '../../../src/core/model/model.ts';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');

export const BUNDLED_DIR = join(root, 'models');
export const STARTER_DIR = join(BUNDLED_DIR, 'efficientnet-lite0');
export const SAMPLES_DIR = join(root, 'samples');
export const LIMITS = { maxPixels: 150_000_000, decodeTimeoutMs: 20_000 };

/** Weights and images that may not be published. Tests that need them are skipped, with a warning, if they are missing. */
export const SHARED_DIR = process.env.IMGCLS_SHARED_DIR ?? resolve(root, '../shared');
export const sharedFiles = existsSync(join(SHARED_DIR, 'models')) ? 'here' : 'missing';
if (sharedFiles === 'missing') {
  console.warn(
    `SKIPPED: tests of accuracy with real ResNet-50 weights need the shared test files; found none in ${SHARED_DIR}.`,
  );
}

/** A new folder, removed when the test ends. */
export async function temporaryFolder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'imgcls-model-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

export async function starterManifest(): Promise<ModelManifest> {
  return JSON.parse(await readFile(join(STARTER_DIR, 'model.json'), 'utf8')) as ModelManifest;
}

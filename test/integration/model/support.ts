import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import type { ModelManifest, ModelVariant } from '../../../src/core/model/model.ts';
import { sha256OfFile } from '../../../src/model/folder.ts';

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

/** A model folder around the shared ResNet-50 weights. */
export async function resnet50Folder(variant: ModelVariant): Promise<{ dir: string; sha256: string }> {
  const dir = join(await temporaryFolder(), variant);
  await mkdir(dir);
  const weights = join(SHARED_DIR, `models/resnet50-${variant}/model.onnx`);
  await symlink(weights, join(dir, 'model.onnx'));
  await copyFile(join(STARTER_DIR, 'labels.json'), join(dir, 'labels.json'));
  const sha256 = await sha256OfFile(weights);
  const manifest: ModelManifest = {
    v: 1,
    name: 'resnet50',
    version: '1',
    variant,
    sha256,
    bytes: (await stat(weights)).size,
    licence: 'for tests only',
    source: 'shared test files',
    input: { name: 'data', layout: 'NCHW' },
    output: { name: 'logits' },
    preprocess: {
      resizeShortestSide: 256,
      cropSize: 224,
      kernel: 'linear',
      channelOrder: 'RGB',
      mean: [0.485, 0.456, 0.406],
      std: [0.229, 0.224, 0.225],
    },
    activation: 'softmax',
  };
  await writeFile(join(dir, 'model.json'), JSON.stringify(manifest));
  return { dir, sha256 };
}

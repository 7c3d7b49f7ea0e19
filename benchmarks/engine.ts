// Measures the throughput of the classifier as a share of a bare loop that decodes and classifies the same photographs in memory
// (in-memory/node.ts). Both have one session thread. Each repetition measures both.
//
//     npm run bench:engine -- [--model FILE] [--images 256] [--repeat 7]
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { openOptimisedModels } from '../src/app/optimised-models.ts';
import { makePhotographs } from '../src/bench/photographs.ts';
import { createClassifier } from '../src/model/classifier.ts';
import { importModel } from '../src/model/import.ts';
import { createModelLibrary } from '../src/model/library.ts';
import { startCeiling } from './in-memory/ceiling.ts';
import { median } from './median.ts';

const repository = path.resolve(import.meta.dirname, '..');
const bundledDir = path.join(repository, 'models');
const { values: flags } = parseArgs({
  options: {
    model: { type: 'string', default: path.join(bundledDir, 'efficientnet-lite0') },
    images: { type: 'string', default: '256' },
    repeat: { type: 'string', default: '7' },
  },
});
const count = Number(flags.images);

const work = await mkdtemp(path.join(tmpdir(), 'imgcls-engine-'));
try {
  await main();
} finally {
  await rm(work, { recursive: true, force: true });
}

async function main(): Promise<void> {
  const folder = path.join(tmpdir(), 'imgcls-bench-engine-100000');
  const sources = path.join(repository, 'samples');
  const files = await makePhotographs(folder, { sources, count, bytes: 100_000 });
  const photographs = await Promise.all(files.map((file) => readFile(file)));
  const library = createModelLibrary({ modelsDir: path.join(work, 'models'), bundledDir });
  const { dir, manifest } = await importModel(flags.model, { library });
  const weights = path.join(dir, 'model.onnx');
  const { sha256 } = manifest;
  const optimisedDir = await openOptimisedModels({ dataDir: work }).make(weights, sha256);
  const limits = { maxPixels: 1e8, decodeTimeoutMs: 20_000 };
  const classifier = await createClassifier({ dir, sha256, optimisedDir, ...limits });
  const program = [process.execPath, path.join(import.meta.dirname, 'in-memory', 'node.ts')];
  const ceiling = await startCeiling(program, { photographs: folder, model: dir, processes: 1 });
  const perSecond = async () => {
    const startMs = performance.now();
    await classifier.classify(photographs, 5);
    return (1000 * count) / (performance.now() - startMs);
  };
  const ratios: number[] = [];
  for (let round = -1; round < Number(flags.repeat); round++) {
    const bare = await ceiling.measure(count);
    const ours = await perSecond();
    if (round < 0) continue;
    ratios.push(ours / bare);
    console.log(`bare loop ${bare.toFixed(1)} images/s, classifier ${ours.toFixed(1)} images/s`);
  }
  console.log(
    `${manifest.variant}: the classifier reaches ${(100 * median(ratios)).toFixed(1)} % of the bare loop`,
  );
  await classifier.dispose();
  await ceiling.close();
}

// Measures the throughput of the classifier, decoding included, as a share of a bare loop over the runtime with given tensors.
// Both have one session thread, and decoding has a core of its own. Each repetition measures both.
//
//     npm run bench:engine -- [--model FILE] [--images 256] [--repeat 7]
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { openOptimisedModels } from '../src/app/optimised-models.ts';
import { makePhotographs } from '../src/bench/photographs.ts';
import { RUNNER_BATCH } from '../src/core/model/runner-protocol.ts';
import { createClassifier } from '../src/model/classifier.ts';
import { importModel } from '../src/model/import.ts';
import { createModelLibrary } from '../src/model/library.ts';
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
const SIDE = 224;

const work = await mkdtemp(path.join(tmpdir(), 'imgcls-engine-'));
try {
  await main();
} finally {
  await rm(work, { recursive: true, force: true });
}

async function main(): Promise<void> {
  const files = await makePhotographs(path.join(tmpdir(), 'imgcls-bench-engine-100000'), {
    sources: path.join(repository, 'samples'),
    count,
    bytes: 100_000,
  });
  const photographs = await Promise.all(files.map((file) => readFile(file)));
  const library = createModelLibrary({ modelsDir: path.join(work, 'models'), bundledDir });
  const { dir, manifest } = await importModel(flags.model, { library });
  const weights = path.join(dir, 'model.onnx');
  const { sha256 } = manifest;
  const optimisedDir = await openOptimisedModels({ dataDir: work }).make(weights, sha256);
  const limits = { maxPixels: 1e8, decodeTimeoutMs: 20_000 };
  const classifier = await createClassifier({ dir, sha256, optimisedDir, ...limits });
  const session = await InferenceSession.create(weights, { intraOpNumThreads: 1, interOpNumThreads: 1 });
  const input = Float32Array.from({ length: RUNNER_BATCH * 3 * SIDE * SIDE }, (_, at) => Math.sin(at / 97));

  const bareLoop = async () => {
    for (let done = 0; done < count; done += RUNNER_BATCH) {
      const tensor = new Tensor('float32', input, [RUNNER_BATCH, 3, SIDE, SIDE]);
      await session.run({ [manifest.input.name]: tensor });
    }
  };
  const perSecond = async (work: () => Promise<unknown>) => {
    const startMs = performance.now();
    await work();
    return (1000 * count) / (performance.now() - startMs);
  };
  const ratios: number[] = [];
  for (let round = -1; round < Number(flags.repeat); round++) {
    const bare = await perSecond(bareLoop);
    const ours = await perSecond(() => classifier.classify(photographs, 5));
    if (round < 0) continue;
    ratios.push(ours / bare);
    console.log(`bare loop ${bare.toFixed(1)} images/s, classifier ${ours.toFixed(1)} images/s`);
  }
  console.log(
    `${manifest.variant}: the classifier reaches ${(100 * median(ratios)).toFixed(1)} % of the bare loop`,
  );
  await classifier.dispose();
  await session.release();
}

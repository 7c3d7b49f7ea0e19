// transformers.js, one image at a time, as its guide has it.
//
//     node transformers.mjs PHOTOGRAPHS FOLDER_OF_MODELS MODEL
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { env, pipeline } from '@huggingface/transformers';

const [photographs, models, model] = process.argv.slice(2);
env.allowRemoteModels = false;
env.localModelPath = models;
const classify = await pipeline('image-classification', model, {
  dtype: 'fp32',
  session_options: { intraOpNumThreads: availableParallelism() },
});
for (const name of readdirSync(photographs).sort()) {
  const [best] = await classify(path.join(photographs, name), { top_k: 1 });
  console.log(`${name}\t${best.label}`);
}

// The scores that transformers.js gives labels, by model and by picture, as JSON.
//
//     node scores.mjs FOLDER_OF_MODELS < {"MODEL": {"template": "a photo of a {}", "labels": [...], "pictures": [...]}, ...}
import { readFileSync } from 'node:fs';
import { env, pipeline } from '@huggingface/transformers';

const [models] = process.argv.slice(2);
env.allowRemoteModels = false;
env.localModelPath = models;
const scores = {};
for (const [model, { template, labels, pictures }] of Object.entries(JSON.parse(readFileSync(0, 'utf8')))) {
  const classify = await pipeline('zero-shot-image-classification', model, { dtype: 'fp32' });
  scores[model] = {};
  for (const picture of pictures) {
    const found = await classify(picture, labels, { hypothesis_template: template });
    scores[model][picture] = Object.fromEntries(found.map(({ label, score }) => [label, score]));
  }
}
console.log(JSON.stringify(scores));

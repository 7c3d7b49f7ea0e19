// The scores of transformers.js for each class, by model and by picture, as JSON.
//
//     node scores.mjs FOLDER_OF_MODELS < {"MODEL": ["PICTURE", ...], ...}
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { env, pipeline, RawImage } from '@huggingface/transformers';

const [models] = process.argv.slice(2);
env.allowRemoteModels = false;
env.localModelPath = models;
const scores = {};
for (const [model, pictures] of Object.entries(JSON.parse(readFileSync(0, 'utf8')))) {
  const classify = await pipeline('image-classification', model, { dtype: 'fp32' });
  const { problem_type } = JSON.parse(readFileSync(path.join(models, model, 'config.json'), 'utf8'));
  scores[model] = {};
  for (const picture of pictures) {
    // Its pipeline ignores problem_type, so the last step is done here.
    const { pixel_values } = await classify.processor(await RawImage.read(picture));
    const { logits } = await classify.model({ pixel_values });
    scores[model][picture] = toScores([...logits.data], problem_type);
  }
}
console.log(JSON.stringify(scores));

function toScores(logits, problemType) {
  if (problemType === 'multi_label_classification') return logits.map((logit) => 1 / (1 + Math.exp(-logit)));
  const weights = logits.map((logit) => Math.exp(logit - Math.max(...logits)));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

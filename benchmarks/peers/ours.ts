/** The two contenders that are imgcls. Each run has a new data folder, which knows the model and no image. */
import { startWarmWorker } from '../warm-worker.ts';
import type { Contender, Work } from './contender.ts';

interface Outcome {
  name: string;
  labels?: { wnid: string }[];
}

function labelsOf(ndjson: string): Map<string, string> {
  const outcomes = ndjson
    .trimEnd()
    .split('\n')
    .map((line): Outcome => JSON.parse(line));
  return new Map(outcomes.flatMap(({ name, labels: [best] = [] }) => (best ? [[name, best.wnid]] : [])));
}

const uploadOf = (bin: string, photographs: string) => ({
  command: [process.execPath, bin, 'upload', photographs, '--format', 'ndjson'],
  labelsOf,
});

export async function openCold({ bin, model }: Work): Promise<Contender> {
  return {
    title: '`imgcls label`, no worker running',
    prepare: async (photographs) => ({ ...uploadOf(bin, photographs), env: await model.fresh() }),
  };
}

export async function openWarm({ bin, model, product }: Work): Promise<Contender> {
  return {
    title: '`imgcls label`, a worker running that has loaded its model',
    async prepare(photographs) {
      const env = await model.fresh();
      const worker = await startWarmWorker(product, photographs, env);
      return { ...uploadOf(bin, photographs), env, besidePid: worker.pid, end: worker.end };
    },
  };
}

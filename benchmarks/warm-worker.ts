import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type { Product, RunningWorker } from '../src/bench/product.ts';
import { distinctCopy } from './distinct-photographs.ts';

/**
 * Starts a worker that has loaded its model and classified an image, so that one-time costs are not measured. The image is a
 * copy of a photograph of the folder with other bytes: none of the folder is known afterwards.
 */
export async function startWarmWorker(
  product: Product,
  photographs: string,
  env: NodeJS.ProcessEnv & { IMGCLS_DATA_DIR: string },
): Promise<RunningWorker> {
  const worker = await product.startWorker(env);
  const [first = ''] = await readdir(photographs);
  const another = path.join(env.IMGCLS_DATA_DIR, `another${path.extname(first)}`);
  await distinctCopy(path.join(photographs, first), another);
  const { code, stderr } = await product.run(['upload', another], env);
  if (code !== 0) throw new Error(`The first image has no label:\n${stderr}`);
  return worker;
}

/**
 * How fast models are, as `imgcls model bench` measured it. Quotes and the controller use it for models of which no job has been
 * seen; what workers report replaces it.
 */
import * as z from 'zod';
import type { Store } from '../core/cloud/ports.ts';
import { findReadable } from '../core/cloud/read-object.ts';
import { MODEL_RATES_KEY } from '../core/job/keys.ts';
import { sha256Hex } from '../core/model/model.ts';
import { FORMAT, formatVersion, parseVersioned } from '../core/runtime/versioned.ts';

const modelRate = z.object({
  /** NAME/VARIANT. */
  model: z.string(),
  imagesPerSecondPerCore: z.number().positive(),
  /** Of the machine that was measured, one runner each. */
  cores: z.int().positive(),
  cpu: z.string(),
  atMs: z.number(),
});

/** `controller/rates.json`, by the sha256 of the weights. */
const modelRates = z.object({ v: formatVersion, bySha256: z.record(sha256Hex, modelRate) });
export type ModelRates = z.infer<typeof modelRates>['bySha256'];

/** As many models as a controller remembers. */
const KEPT_RATES = 20;

/** None if the object does not exist or cannot be read. */
export async function readModelRates(output: Store): Promise<ModelRates> {
  const parse = (text: string) => parseVersioned(modelRates, text, 'rates of models');
  return (await findReadable(output, MODEL_RATES_KEY, parse))?.bySha256 ?? {};
}

/** Adds rates; the newest are kept. Of two writers at a time the later one wins. */
export async function writeModelRates(output: Store, measured: ModelRates): Promise<void> {
  const all = Object.entries({ ...(await readModelRates(output)), ...measured });
  const newest = all.sort(([, a], [, b]) => b.atMs - a.atMs).slice(0, KEPT_RATES);
  const body = { v: FORMAT, bySha256: Object.fromEntries(newest) };
  await output.put(MODEL_RATES_KEY, Buffer.from(JSON.stringify(body)));
}

/**
 * What an image costs in time of one machine, by the sha256 of its model.
 * @param cores of that machine. Undefined: as many as the measured one had.
 */
export const msPerImageOf = (rates: ModelRates, cores: number | undefined): Record<string, number> =>
  Object.fromEntries(
    Object.entries(rates).map(([sha256, rate]) => [
      sha256,
      1000 / (rate.imagesPerSecondPerCore * (cores ?? rate.cores)),
    ]),
  );

// Where `imgcls bench` measures: this machine, or a cluster on AWS after the user has agreed to the quote.

import { openCloud } from '../../app/open-cloud.ts';
import type { RunSettings } from '../../app/settings.ts';
import { systemClock } from '../../app/system-clock.ts';
import { countWorkers, openClusterSite } from '../../bench/cluster-site.ts';
import type { ImageSet } from '../../bench/image-set.ts';
import { openLocalSite } from '../../bench/local-site.ts';
import { submitWarmUp } from '../../bench/measure.ts';
import type { Product } from '../../bench/product.ts';
import type { Scenario } from '../../bench/scenarios.ts';
import type { Site } from '../../bench/site.ts';
import { ImgclsError } from '../../core/runtime/errors.ts';
import type { BenchProgress } from './bench-progress.ts';
import { agreeToPrice } from './bench-quote.ts';

export interface SiteParts {
  settings: RunSettings;
  /** A folder for all files of the run. */
  work: string;
  product: Product;
  progress: BenchProgress;
  interrupted: AbortSignal;
  images: ImageSet;
  /** NAME/VARIANT. */
  model: string;
  mark: string;
}

export interface RunExtent {
  repeat: number;
  boots: number;
  /** Agrees to the quote without asking. */
  yes: boolean;
}

/** @throws {ImgclsError} of kind `usage` when the run would cost money and the user cannot be asked. */
export async function openSite(scenarios: readonly Scenario[], parts: SiteParts & RunExtent): Promise<Site> {
  const { settings, work, product, model } = parts;
  const env = environment(settings, model);
  if (settings.cloud === 'local')
    return await openLocalSite({ product, env, model, userDataDir: settings.dataDir, work });
  return await openCluster(scenarios, env, parts);
}

/** Passes our settings to the commands of the run. They find the other settings as we did. */
function environment({ cloud, cluster, dataDir }: RunSettings, title: string): NodeJS.ProcessEnv {
  const [model, variant] = title.split('/');
  return {
    ...process.env,
    IMGCLS_CLOUD: cloud,
    IMGCLS_CLUSTER: cluster,
    IMGCLS_DATA_DIR: dataDir,
    // Lets a worker preload the model.
    IMGCLS_MODEL: model,
    IMGCLS_MODEL_VARIANT: variant,
  };
}

async function openCluster(
  scenarios: readonly Scenario[],
  env: NodeJS.ProcessEnv,
  {
    settings,
    work,
    product,
    progress,
    interrupted: signal,
    images,
    model,
    mark,
    ...extent
  }: SiteParts & RunExtent,
): Promise<Site> {
  const cloud = await openCloud(settings);
  try {
    const { output } = cloud;
    const running = await countWorkers(output, systemClock);
    const cold = scenarios.find(({ start }) => start === 'cold');
    if (running > 0 && cold !== undefined)
      throw new ImgclsError(
        'usage',
        `Scenario ${cold.name} must start without workers, but cluster ${settings.cluster} has ${running}.`,
        {
          hint: 'Wait until they have ended, or measure warm scenarios only: --scenario warm sustained upload-only.',
        },
      );
    progress.stop();
    await agreeToPrice(scenarios, { product, env, images, work, signal, ...extent });
    const medium = images.images.medium.length > 0 ? images.images.medium : images.images.tiny;
    let times = 0;
    const site = openClusterSite({
      output,
      env,
      submitWarmUp: () =>
        submitWarmUp({ product, env, images: medium, model, mark: `${mark}/warm-up ${++times}`, work }),
      progress: progress.show,
      clock: systemClock,
      signal,
    });
    return { ...site, close: () => cloud.close() };
  } catch (error) {
    await cloud.close();
    throw error;
  }
}

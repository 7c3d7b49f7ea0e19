// Builds machine images of workers, for `imgcls ami build` and `imgcls deploy`.

import { readFile } from 'node:fs/promises';
import { ulid } from 'ulid';
import type { AwsAccount } from '../../app/open-aws-account.ts';
import { packageFile } from '../../app/package-files.ts';
import { systemClock } from '../../app/system-clock.ts';
import type { Caller } from '../../core/aws-account/account.ts';
import type { Architecture } from '../../core/aws-account/ec2-images.ts';
import { dollars } from '../../core/money/money.ts';
import { priceOf } from '../../core/money/prices.ts';
import { builderPlace } from '../../deploy/builder-place.ts';
import { buildImage, type ImageOrder, PROVISION_LIMIT_MS } from '../../image/build-image.ts';
import { abandonedBuilders } from '../../image/prune.ts';
import { builderUserData } from '../../image/user-data.ts';
import { notice } from '../terminal/notice.ts';
import { storePackage } from './ami-package.ts';

/** What is in an image, and where it is built. */
export interface ImageRecipe {
  /** A package file instead of this installation. */
  package?: string | undefined;
  models: readonly string[];
  heic: boolean;
  /** VPC or subnet of the builder. Default: the default VPC. */
  vpc?: string | undefined;
  subnet?: string | undefined;
}

export interface BuildParts {
  account: AwsAccount;
  caller: Caller;
  signal: AbortSignal;
  /** Called with the id of each new image. */
  onImage(id: string): void;
}

/** Builders are of the family that `imgcls deploy` launches. */
export const BUILDER_TYPES: Readonly<Record<Architecture, string>> = {
  x86_64: 'c7i.large',
  arm64: 'c7g.large',
};
/** Time from launch to end for an image of a few gigabytes. */
const TYPICAL_HOURS = 0.2;

export function buildText(architecture: Architecture, type: string): string {
  const hourlyUsd = priceOf(type, 'on-demand');
  const cost = hourlyUsd === undefined ? '' : `, about ${dollars(TYPICAL_HOURS * hourlyUsd)}`;
  return `An image for ${architecture} takes one ${type} instance for about 10 minutes${cost}, and a snapshot while you keep it.`;
}

/** Builds images in parallel. A failed build does not stop the others. @throws the first error. */
export async function buildWorkerImages(
  types: readonly (readonly [Architecture, string])[],
  recipe: ImageRecipe,
  parts: BuildParts,
): Promise<void> {
  const { account, caller, signal, onImage } = parts;
  await sweepBuilders(account);
  const orders = await Promise.all(
    types.map(async ([architecture, instanceType]) => ({
      architecture,
      instanceType,
      network: await builderNetwork(account, recipe, instanceType),
    })),
  );
  const userData = builderUserData({
    provision: await readFile(packageFile('deploy/image/provision.sh'), 'utf8'),
    package: await storePackage(recipe.package, caller, account.assets),
    models: recipe.models,
    heic: recipe.heic,
    limitMinutes: PROVISION_LIMIT_MS / 60_000,
  });
  const build = async (order: ImageOrder) => {
    const onProgress = (text: string) => notice(`${order.architecture}: ${text}`);
    const tools = { images: account.images, clock: systemClock, newId: ulid, onProgress, signal };
    onImage(await buildImage(order, tools));
  };
  const built = await Promise.allSettled(orders.map((order) => build({ ...order, userData })));
  for (const one of built) if (one.status === 'rejected') throw one.reason;
}

async function builderNetwork({ network, images }: AwsAccount, recipe: ImageRecipe, type: string) {
  const { vpc, ...place } = await builderPlace(network, { vpc: recipe.vpc, subnet: recipe.subnet, type });
  return { ...place, group: await images.builderGroup(vpc) };
}

async function sweepBuilders({ images }: AwsAccount): Promise<void> {
  for (const { id } of abandonedBuilders(await images.builders(), systemClock.nowMs())) {
    await images.terminate(id);
    notice(`Terminated builder ${id} of an earlier build.`);
  }
}

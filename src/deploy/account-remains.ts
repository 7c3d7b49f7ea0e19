// What the clusters of an account share in a region: machine images, the security group of their builders, and the bucket of
// assets. It goes with the last cluster.

import type { Buckets, WorkerImage } from '../core/aws-account/account.ts';
import type { Ec2Images } from '../core/aws-account/ec2-images.ts';
import type { Stacks } from '../core/aws-account/stacks.ts';
import { messageOf } from '../core/runtime/errors.ts';

export interface SharedPorts {
  stacks: Pick<Stacks, 'names'>;
  images: Pick<Ec2Images, 'list' | 'used' | 'remove' | 'removeBuilderGroups'>;
  buckets: Buckets;
  notice(text: string): void;
  signal: AbortSignal;
}

/** Every cluster's stack has such a name. */
const STACK_PREFIX = 'imgcls-';

/** Whether the region has no other cluster. */
export const isLastCluster = async (
  { stacks }: Pick<SharedPorts, 'stacks'>,
  stackName: string,
): Promise<boolean> =>
  (await stacks.names()).every((name) => name === stackName || !name.startsWith(STACK_PREFIX));

/** Deletes what clusters share, except images that a launch template of somebody else uses. */
export async function removeShared(ports: SharedPorts, assetsBucket: string): Promise<void> {
  const { images, buckets, notice, signal } = ports;
  const used = await images.used();
  for (const image of (await images.list()).filter(({ id }) => !used.has(id))) {
    await images.remove(image);
    notice(`Deleted worker image ${imageText(image)}.`);
  }
  try {
    for (const id of await images.removeBuilderGroups()) notice(`Deleted security group ${id} of builders.`);
  } catch (error) {
    // A builder of another build still has it.
    notice(messageOf(error));
  }
  if ((await buckets.count(assetsBucket, 1)) === undefined) return;
  await buckets.empty(assetsBucket, () => {}, signal);
  await buckets.remove(assetsBucket);
  notice(`Deleted bucket ${assetsBucket}.`);
}

export const imageText = ({
  id,
  version = 'of unknown version',
}: Pick<WorkerImage, 'id' | 'version'>): string => `${id} (imgcls ${version})`;

import type { WorkerImage } from '../core/aws-account/account.ts';
import type { Builder } from '../core/aws-account/ec2-images.ts';
import { PROVISION_LIMIT_MS } from './build-image.ts';

/** The images to delete: all but the newest `keep` of each architecture, and none that a launch template uses. */
export function imagesToRemove(
  images: readonly WorkerImage[],
  { keep, used }: { keep: number; used: ReadonlySet<string> },
): WorkerImage[] {
  const newestFirst = images.toSorted((a, b) => b.createdAtMs - a.createdAtMs);
  const byArchitecture = Map.groupBy(newestFirst, ({ architecture }) => architecture);
  return [...byArchitecture.values()].flatMap((each) => each.slice(keep)).filter(({ id }) => !used.has(id));
}

/** Builders older than any build can take. The process that launched them was killed. */
export const abandonedBuilders = (builders: readonly Builder[], nowMs: number): Builder[] =>
  builders.filter(({ launchedAtMs }) => nowMs - launchedAtMs > 4 * PROVISION_LIMIT_MS);

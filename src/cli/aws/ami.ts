import { readFile } from 'node:fs/promises';
import { ulid } from 'ulid';
import { packageFile } from '../../app/package-files.ts';
import { systemClock } from '../../app/system-clock.ts';
import { createEc2Client } from '../../aws/clients.ts';
import { createEc2Images } from '../../aws/ec2-images.ts';
import { ARCHITECTURES, type Architecture, type Ec2Images } from '../../core/aws-account/ec2-images.ts';
import { dollars } from '../../core/money/money.ts';
import { priceOf } from '../../core/money/prices.ts';
import { ImgclsError } from '../../core/runtime/errors.ts';
import { buildImage, type ImageOrder, PROVISION_LIMIT_MS } from '../../image/build-image.ts';
import { abandonedBuilders, imagesToRemove } from '../../image/prune.ts';
import { builderUserData } from '../../image/user-data.ts';
import { withInterrupt } from '../run.ts';
import { agree } from '../terminal/ask.ts';
import { notice } from '../terminal/notice.ts';
import { screenOf } from '../terminal/screen.ts';
import { drawTable } from '../terminal/table.ts';
import { openPackage } from './ami-package.ts';

/** Flags of `imgcls ami build`, as parsed. */
export interface AmiBuildFlags {
  arch: Architecture | 'both';
  package?: string;
  bucket?: string;
  model: string[];
  heic?: boolean;
  subnet?: string;
  instanceType?: string;
  keep: number;
  yes?: boolean;
}

export interface AmiListFlags {
  format: 'table' | 'json';
}

/** Builders are of the family that `imgcls deploy` launches. */
const INSTANCE_TYPES: Record<Architecture, string> = { x86_64: 'c7i.large', arm64: 'c7g.large' };
/** Time from launch to end for an image of a few gigabytes. */
const TYPICAL_HOURS = 0.2;

/** Runs `imgcls ami build`: prints the id of each new image. */
export function amiBuild(flags: AmiBuildFlags): Promise<void> {
  const types = instanceTypes(flags);
  return withInterrupt('No image was created. Run the command again.', async (signal, cleanup) => {
    await agreeToBuild(types, { yes: flags.yes ?? false, signal });
    const client = createEc2Client();
    cleanup.add(() => client.destroy());
    const images = createEc2Images(client);
    await sweepBuilders(images);
    const userData = builderUserData({
      provision: await readFile(packageFile('deploy/image/provision.sh'), 'utf8'),
      package: await openPackage(flags, cleanup),
      models: flags.model,
      heic: flags.heic ?? false,
      limitMinutes: PROVISION_LIMIT_MS / 60_000,
    });
    const network = flags.subnet === undefined ? {} : { subnet: flags.subnet };
    const orders = types.map(([architecture, instanceType]) => ({
      architecture,
      instanceType,
      userData,
      ...network,
    }));
    await buildAll(orders, images, signal);
    await prune(images, flags.keep);
  });
}

/** Builds images in parallel. A failed build does not stop the others. @throws the first error. */
async function buildAll(
  orders: readonly ImageOrder[],
  images: Ec2Images,
  signal: AbortSignal,
): Promise<void> {
  const built = await Promise.allSettled(
    orders.map(async (order) => {
      const onProgress = (text: string) => notice(`${order.architecture}: ${text}`);
      const id = await buildImage(order, { images, clock: systemClock, newId: ulid, onProgress, signal });
      process.stdout.write(`${id}\n`);
    }),
  );
  for (const one of built) if (one.status === 'rejected') throw one.reason;
}

/** Runs `imgcls ami list`. */
export async function amiList({ format }: AmiListFlags): Promise<void> {
  const client = createEc2Client();
  try {
    const images = createEc2Images(client);
    const [found, used] = await Promise.all([images.list(), images.used()]);
    const rows = found.map(({ createdAtMs, ...image }) => ({
      ...image,
      createdAt: new Date(createdAtMs).toISOString(),
      inLaunchTemplate: used.has(image.id),
    }));
    if (format === 'json') {
      process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
      return;
    }
    const cells = rows.map(({ id, architecture, version = '-', createdAt, inLaunchTemplate }) => [
      id,
      architecture,
      version,
      createdAt.slice(0, 16).replace('T', ' '),
      inLaunchTemplate ? 'yes' : 'no',
    ]);
    const head = ['image', 'architecture', 'imgcls', 'made (UTC)', 'in a template'];
    process.stdout.write(
      `${drawTable(head, cells, { screen: screenOf(process.stdout), whole: ['image'] })}\n`,
    );
  } finally {
    client.destroy();
  }
}

function instanceTypes({ arch, instanceType }: AmiBuildFlags): [Architecture, string][] {
  if (arch !== 'both') return [[arch, instanceType ?? INSTANCE_TYPES[arch]]];
  if (instanceType === undefined) return ARCHITECTURES.map((each) => [each, INSTANCE_TYPES[each]]);
  throw new ImgclsError('usage', '--arch both needs two instance types, but --instance-type names one.', {
    hint: 'Build one architecture at a time.',
  });
}

async function agreeToBuild(
  types: readonly [Architecture, string][],
  { yes, signal }: { yes: boolean; signal: AbortSignal },
): Promise<void> {
  for (const [architecture, type] of types) {
    const hourlyUsd = priceOf(type, 'on-demand', undefined);
    const cost = hourlyUsd === undefined ? '' : `, about ${dollars(TYPICAL_HOURS * hourlyUsd)}`;
    notice(
      `An image for ${architecture} takes one ${type} instance for about 10 minutes${cost}, and a snapshot while you keep it.`,
    );
  }
  const hint = 'Use --yes to agree.';
  if (!(await agree('Build?', { yes, why: 'Building an image costs money', hint, signal })))
    throw new ImgclsError('permanent', 'Nothing was built.');
}

async function sweepBuilders(images: Ec2Images): Promise<void> {
  for (const { id } of abandonedBuilders(await images.builders(), systemClock.nowMs())) {
    await images.terminate(id);
    notice(`Terminated builder ${id} of an earlier build.`);
  }
}

async function prune(images: Ec2Images, keep: number): Promise<void> {
  const [all, used] = await Promise.all([images.list(), images.used()]);
  for (const image of imagesToRemove(all, { keep, used })) {
    await images.remove(image);
    notice(`Removed old image ${image.id} (imgcls ${image.version ?? 'of unknown version'}).`);
  }
}

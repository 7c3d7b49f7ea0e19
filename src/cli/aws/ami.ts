import { openAwsAccount } from '../../app/open-aws-account.ts';
import { createEc2Client } from '../../aws/clients.ts';
import { createEc2Images } from '../../aws/ec2-images.ts';
import { whoAmI } from '../../aws/identity.ts';
import { ARCHITECTURES, type Architecture, type Ec2Images } from '../../core/aws-account/ec2-images.ts';
import { ImgclsError } from '../../core/runtime/errors.ts';
import { imagesToRemove } from '../../image/prune.ts';
import { withInterrupt } from '../run.ts';
import { agree } from '../terminal/ask.ts';
import { notice } from '../terminal/notice.ts';
import { screenOf } from '../terminal/screen.ts';
import { drawTable } from '../terminal/table.ts';
import { BUILDER_TYPES, buildText, buildWorkerImages } from './build-worker-image.ts';

/** Flags of `imgcls ami build`, as parsed. */
export interface AmiBuildFlags {
  arch: Architecture | 'both';
  package?: string;
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

/** Runs `imgcls ami build`: prints the id of each new image. */
export function amiBuild(flags: AmiBuildFlags): Promise<void> {
  const types = instanceTypes(flags);
  return withInterrupt('No image was created. Run the command again.', async (signal, cleanup) => {
    await agreeToBuild(types, { yes: flags.yes ?? false, signal });
    const account = openAwsAccount(undefined, cleanup);
    const recipe = {
      package: flags.package,
      models: flags.model,
      heic: flags.heic ?? false,
      subnet: flags.subnet,
    };
    const onImage = (id: string) => void process.stdout.write(`${id}\n`);
    await buildWorkerImages(types, recipe, { account, caller: await whoAmI({}), signal, onImage });
    await prune(account.images, flags.keep);
  });
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
  if (arch !== 'both') return [[arch, instanceType ?? BUILDER_TYPES[arch]]];
  if (instanceType === undefined) return ARCHITECTURES.map((each) => [each, BUILDER_TYPES[each]]);
  throw new ImgclsError('usage', '--arch both needs two instance types, but --instance-type names one.', {
    hint: 'Build one architecture at a time.',
  });
}

async function agreeToBuild(
  types: readonly [Architecture, string][],
  { yes, signal }: { yes: boolean; signal: AbortSignal },
): Promise<void> {
  for (const [architecture, type] of types) notice(buildText(architecture, type));
  const hint = 'Use --yes to agree.';
  if (!(await agree('Build?', { yes, why: 'Building an image costs money', hint, signal })))
    throw new ImgclsError('permanent', 'Nothing was built.');
}

async function prune(images: Ec2Images, keep: number): Promise<void> {
  const [all, used] = await Promise.all([images.list(), images.used()]);
  for (const image of imagesToRemove(all, { keep, used })) {
    await images.remove(image);
    notice(`Removed old image ${image.id} (imgcls ${image.version ?? 'of unknown version'}).`);
  }
}

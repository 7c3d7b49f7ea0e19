// Chooses the machine image of workers and checks that it runs on the requested instance types.

import type { WorkerImage, WorkerImages } from '../core/aws-account/account.ts';
import type { Ec2, TypeInfo } from '../core/aws-account/ec2.ts';
import { ImgclsError } from '../core/runtime/errors.ts';

/** The page runs from the workers' image, so an ARM image needs an ARM type. */
const ARM_WEB = 't4g.small';
const ARM = 'arm64';

export interface WantedMachines {
  workerType: string;
  /** Undefined: not requested. */
  webType: string | undefined;
  image: string | undefined;
}

export interface MachineImageChoice {
  image: string;
  /** Set when the template's default type cannot run the image. */
  webType?: string;
  /** A remark for the user. */
  notice?: string;
}

/**
 * Chooses the requested image, or else the account's newest worker image for the instance type.
 * @param version of this imgcls.
 * @throws {ImgclsError} of kind `usage` when no image matches.
 */
export async function chooseMachineImage(
  { images, ec2 }: { images: WorkerImages; ec2: Pick<Ec2, 'types' | 'imageArchitecture'> },
  { workerType, webType, image }: WantedMachines,
  version: string,
): Promise<MachineImageChoice> {
  const names = [workerType, ...(webType === undefined ? [] : [webType])];
  const types = await ec2.types(names);
  const worker = named(workerType, types);
  const chosen = image === undefined ? newestFor(worker, await images.list()) : await lookUp(ec2, image);
  refuseOtherArchitecture(worker, chosen, '--instance-type');
  if (webType !== undefined) refuseOtherArchitecture(named(webType, types), chosen, '--web-type');
  const old = 'version' in chosen && chosen.version !== undefined && chosen.version !== version;
  return {
    image: chosen.id,
    ...(webType === undefined && chosen.architecture === ARM && { webType: ARM_WEB }),
    ...(old && {
      notice: `Image ${chosen.id} has imgcls ${chosen.version}, this is ${version}. Build a new one with "imgcls ami build".`,
    }),
  };
}

function named(name: string, types: readonly TypeInfo[]): TypeInfo {
  const found = types.find(({ type }) => type === name);
  if (found !== undefined) return found;
  throw new ImgclsError('usage', `EC2 has no instance type ${name} in this region.`, {
    hint: 'Run "aws ec2 describe-instance-types" to list them. --region or AWS_REGION sets the region.',
  });
}

type Chosen = Pick<WorkerImage, 'id' | 'architecture'> & { version?: string };

function newestFor({ type, architectures }: TypeInfo, images: readonly WorkerImage[]): Chosen {
  const fitting = images.find(({ architecture }) => architectures.includes(architecture));
  if (fitting !== undefined) return fitting;
  const others = [...new Set(images.map(({ architecture }) => architecture))];
  throw new ImgclsError(
    'usage',
    others.length === 0
      ? 'The account has no worker image in this region.'
      : `The account has no worker image for ${type} (${architectures.join(', ')}), only for ${others.join(', ')}.`,
    { hint: 'Build one with "imgcls ami build", or name an untagged one with --image ami-...' },
  );
}

async function lookUp(ec2: Pick<Ec2, 'imageArchitecture'>, id: string): Promise<Chosen> {
  const architecture = await ec2.imageArchitecture(id);
  if (architecture !== undefined) return { id, architecture };
  throw new ImgclsError('usage', `Image ${id} was not found in this region.`, {
    hint: 'Check --image. "aws ec2 describe-images --owners self" lists the images of the account.',
  });
}

function refuseOtherArchitecture(
  { type, architectures }: TypeInfo,
  { id, architecture }: Chosen,
  flag: string,
): void {
  if (architectures.includes(architecture)) return;
  throw new ImgclsError(
    'usage',
    `Image ${id} is for ${architecture}, but ${type} is ${architectures.join(', ')}.`,
    {
      hint: `Choose another ${flag}, or build an image for it (imgcls ami build). The page runs from the workers' image.`,
    },
  );
}

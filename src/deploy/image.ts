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

export type MachineImage = Pick<WorkerImage, 'id' | 'architecture'> & { version?: string };

export interface MachineImageChoice {
  image: string;
  /** Set when the template's default type cannot run the image. */
  webType?: string;
  /** A remark for the user. */
  notice?: string;
}

export interface ImageSources {
  images: WorkerImages;
  ec2: Pick<Ec2, 'types' | 'imageArchitecture'>;
  /** Called when the account has no image for an instance type. */
  build(type: TypeInfo): Promise<MachineImage>;
}

/**
 * Chooses the requested image, or else the account's newest worker image for the instance type, or else a new one.
 * @param version of this imgcls.
 * @throws {ImgclsError} of kind `usage` when an image does not match.
 */
export async function chooseMachineImage(
  { images, ec2, build }: ImageSources,
  { workerType, webType, image }: WantedMachines,
  version: string,
): Promise<MachineImageChoice> {
  const names = [workerType, ...(webType === undefined ? [] : [webType])];
  const types = await ec2.types(names);
  const worker = named(workerType, types);
  const chosen =
    image === undefined
      ? (newestFor(worker, await images.list()) ?? (await build(worker)))
      : await lookUp(ec2, image);
  refuseOtherArchitecture(worker, chosen, '--instance-type');
  if (webType !== undefined) refuseOtherArchitecture(named(webType, types), chosen, '--web-type');
  const old = chosen.version !== undefined && chosen.version !== version;
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

const newestFor = ({ architectures }: TypeInfo, images: readonly WorkerImage[]): MachineImage | undefined =>
  images.find(({ architecture }) => architectures.includes(architecture));

async function lookUp(ec2: Pick<Ec2, 'imageArchitecture'>, id: string): Promise<MachineImage> {
  const architecture = await ec2.imageArchitecture(id);
  if (architecture !== undefined) return { id, architecture };
  throw new ImgclsError('usage', `Image ${id} was not found in this region.`, {
    hint: 'Check --image. "aws ec2 describe-images --owners self" lists the images of the account.',
  });
}

function refuseOtherArchitecture(
  { type, architectures }: TypeInfo,
  { id, architecture }: MachineImage,
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

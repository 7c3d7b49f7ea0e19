/** Which machine image workers start from, and whether it runs on the types of instance that are asked for. */
import type { WorkerImage, WorkerImages } from '../core/aws-account/account.ts';
import type { Ec2, TypeInfo } from '../core/aws-account/ec2.ts';
import { ImgclsError } from '../core/runtime/errors.ts';

/** The controller runs from the same image. */
const ARM_CONTROLLER = 't4g.small';
const ARM = 'arm64';

export interface WantedMachines {
  workerType: string;
  /** Undefined where nobody has named one. */
  controllerType: string | undefined;
  image: string | undefined;
}

export interface MachineImageChoice {
  image: string;
  /** Only where the template's own would not run the image. */
  controllerType?: string;
  /** What the person at the terminal should know. */
  notice?: string;
}

/**
 * The image that is named, else the newest of the account's own for this type.
 * @param version of this imgcls.
 * @throws {ImgclsError} of kind `usage` that says how to get what is missing.
 */
export async function chooseMachineImage(
  { images, ec2 }: { images: WorkerImages; ec2: Pick<Ec2, 'types' | 'imageArchitecture'> },
  { workerType, controllerType, image }: WantedMachines,
  version: string,
): Promise<MachineImageChoice> {
  const names = [workerType, ...(controllerType === undefined ? [] : [controllerType])];
  const types = await ec2.types(names);
  const worker = named(workerType, types);
  const chosen = image === undefined ? newestFor(worker, await images.list()) : await lookUp(ec2, image);
  refuseOtherArchitecture(worker, chosen, '--instance-type');
  if (controllerType !== undefined)
    refuseOtherArchitecture(named(controllerType, types), chosen, '--controller-type');
  const old = 'version' in chosen && chosen.version !== undefined && chosen.version !== version;
  return {
    image: chosen.id,
    ...(controllerType === undefined && chosen.architecture === ARM && { controllerType: ARM_CONTROLLER }),
    ...(old && {
      notice: `image ${chosen.id} has imgcls ${chosen.version}, this is ${version}: "imgcls ami build" makes a new one.`,
    }),
  };
}

function named(name: string, types: readonly TypeInfo[]): TypeInfo {
  const found = types.find(({ type }) => type === name);
  if (found !== undefined) return found;
  throw new ImgclsError('usage', `EC2 knows no instance type ${name} in this region.`, {
    hint: '"aws ec2 describe-instance-types" lists those there are; --region, or AWS_REGION, says which region is asked.',
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
      ? 'This region of the account has no image of workers yet.'
      : `There is no image of workers for ${type} (${architectures.join(', ')}), only for ${others.join(', ')}.`,
    { hint: `"imgcls ami build" makes one; --image ami-... names one that is not tagged as such.` },
  );
}

async function lookUp(ec2: Pick<Ec2, 'imageArchitecture'>, id: string): Promise<Chosen> {
  const architecture = await ec2.imageArchitecture(id);
  if (architecture !== undefined) return { id, architecture };
  throw new ImgclsError('usage', `Image ${id} cannot be seen in this region.`, {
    hint: 'Check --image; "aws ec2 describe-images --owners self" lists the account\'s own.',
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
    `Image ${id} is for ${architecture}, and ${type} is ${architectures.join(', ')}.`,
    {
      hint: `Choose another ${flag}, or an image for that one (imgcls ami build). The controller runs from the workers' image.`,
    },
  );
}

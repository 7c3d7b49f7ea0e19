import type { Ec2, TypeInfo } from '../../core/aws-account/ec2.ts';
import type { Attached } from '../../core/money/prices.ts';
import { ImgclsError } from '../../core/runtime/errors.ts';

const GIBIBYTE = 1024 ** 3;
/** A worker with one runner and ResNet-50 takes about 400 MB; the operating system needs memory too. */
export const LEAST_MEMORY_BYTES = GIBIBYTE;

/** What a fleet would launch. */
export interface LaunchedMachines {
  types: readonly string[];
  /** Undefined if EC2 resolves it only at the launch, as it does "resolve:ssm:PARAMETER". */
  image: string | undefined;
  attached: Attached | undefined;
}

/**
 * Checks the launch template and the instance types before the first launch. EC2 itself is asked: there is no list of types
 * here.
 * @throws {ImgclsError} with what is wrong and what to do.
 */
export async function checkEc2(
  ec2: Pick<Ec2, 'template' | 'types' | 'imageArchitecture'>,
  { template, instanceTypes }: { template: string; instanceTypes: readonly string[] },
): Promise<LaunchedMachines> {
  const { instanceType, imageId, attached } = await ec2.template(template);
  const names = instanceTypes.length > 0 ? instanceTypes : instanceType === undefined ? [] : [instanceType];
  if (names.length === 0) {
    throw new ImgclsError('config', `Launch template ${template} has no instance type.`, {
      hint: 'Set --instance-types.',
    });
  }
  const types = await ec2.types(names);
  const unknown = names.filter((name) => !types.some(({ type }) => type === name));
  if (unknown.length > 0) throw unknownTypes(unknown);
  refuseSmall(types);
  refuseMixed(types);
  const image = plainImage(imageId);
  const architecture = image === undefined ? undefined : await ec2.imageArchitecture(image);
  if (architecture !== undefined) refuseOtherThan(architecture, types, `image ${image} of ${template}`);
  return { types: [...names], image, attached };
}

/** Of a launch template. */
export const plainImage = (imageId: string | undefined): string | undefined =>
  imageId?.startsWith('ami-') ? imageId : undefined;

const unknownTypes = (names: readonly string[]) =>
  new ImgclsError('config', `EC2 has no instance type ${names.join(', ')} in this region.`, {
    hint: '"aws ec2 describe-instance-types" lists the types. AWS_REGION selects the region.',
  });

function refuseSmall(types: readonly TypeInfo[]): void {
  const small = types.filter(({ memoryBytes }) => memoryBytes < LEAST_MEMORY_BYTES);
  if (small.length === 0) return;
  const each = small.map(({ type, memoryBytes }) => `${type} (${(memoryBytes / GIBIBYTE).toFixed(1)} GiB)`);
  throw new ImgclsError(
    'config',
    `These instance types have too little memory for a worker: ${each.join(', ')}.`,
    {
      hint: 'Choose types of at least 1 GiB.',
    },
  );
}

/** A launch template has one image, so all types must be able to run it. */
function refuseMixed(types: readonly TypeInfo[]): void {
  const [first, ...others] = types;
  const shared = others.reduce(
    (kept, { architectures }) => kept.filter((each) => architectures.includes(each)),
    first?.architectures ?? [],
  );
  if (shared.length > 0) return;
  const each = types.map(({ type, architectures }) => `${type} (${architectures.join(', ')})`);
  throw new ImgclsError('config', `No image runs on all of ${each.join(', ')}.`, {
    hint: 'Choose types of one architecture.',
  });
}

function refuseOtherThan(architecture: string, types: readonly TypeInfo[], what: string): void {
  const others = types.filter(({ architectures }) => !architectures.includes(architecture));
  if (others.length === 0) return;
  throw new ImgclsError(
    'config',
    `${others.map(({ type }) => type).join(', ')} cannot run ${what}, which is for ${architecture}.`,
    { hint: `Choose types of ${architecture}, or a launch template with another image.` },
  );
}

/** Which instance types may be launched, and which of them first. */
import type { Ec2, Pool } from '../../core/aws-account/ec2.ts';
import { coresOf } from '../../core/money/prices.ts';
import { ImgclsError } from '../../core/runtime/errors.ts';

/** As `instanceTypes`: those of the list below that have the architecture of the image and are offered in the zones at hand. */
export const AUTO = 'auto';

/**
 * Without the setting: spot first among many types, each of which may be launched on demand instead. One type is interrupted
 * more often, and an Auto Scaling group never launches on demand instead.
 */
export const onDemandPercentageOf = ({
  onDemandPercentage,
  instanceTypes = [],
}: {
  onDemandPercentage?: number | undefined;
  instanceTypes?: readonly string[] | undefined;
}): number => onDemandPercentage ?? (instanceTypes.includes(AUTO) ? 0 : 100);

/** Cores of each of them. */
export const AUTO_CORES = 2;

/**
 * Types with two vCPUs and at least 4 GiB, without local disks and network extras, which cost more and do not label faster.
 * Many types are many pools of spot capacity: AWS advises ten or more.
 */
const TYPES: Readonly<Record<string, readonly string[]>> = {
  x86_64: [
    'c5.large',
    'c5a.large',
    'c6a.large',
    'c6i.large',
    'c7a.large',
    'c7i.large',
    'c7i-flex.large',
    'c8a.large',
    'c8i.large',
    'c8i-flex.large',
    'm5.large',
    'm6a.large',
    'm6i.large',
    'm7i.large',
    'm7i-flex.large',
    'm8i-flex.large',
  ],
  arm64: [
    'c6g.large',
    'c6gd.large',
    'c6gn.large',
    'c7g.large',
    'c7gd.large',
    'c8g.large',
    'c8gd.large',
    'm6g.large',
    'm6gd.large',
    'm7g.large',
    'm7gd.large',
    'm8g.large',
  ],
};

export interface ChoiceInput {
  template: string;
  instanceTypes: readonly string[];
  subnets: readonly string[];
}

/**
 * The pools of a fleet: every type in every subnet; for {@link AUTO} those that EC2 offers there. Without types or subnets, the
 * launch template's own are used.
 * @throws {ImgclsError} if EC2 offers none, or if other types are named besides.
 */
export async function choosePools(
  ec2: Pick<Ec2, 'template' | 'types' | 'imageArchitecture' | 'offerings' | 'zonesOf'>,
  { template, instanceTypes, subnets }: ChoiceInput,
): Promise<Pool[]> {
  if (!instanceTypes.includes(AUTO)) return everyPool(instanceTypes, subnets);
  if (instanceTypes.length > 1)
    throw new ImgclsError('config', `instanceTypes has ${AUTO} and other types, which would be ignored.`, {
      hint: `Set either ${AUTO} or names of types.`,
    });
  const architecture = await architectureOf(ec2, template);
  const offerings = await ec2.offerings(TYPES[architecture] ?? []);
  const zones = subnets.length === 0 ? undefined : await ec2.zonesOf(subnets);
  const pools = everyPool([...new Set(offerings.map(({ type }) => type))], subnets)
    .map((pool): Pool => {
      const zone = zones?.get(pool.subnet ?? '');
      return zone === undefined ? pool : { ...pool, zone };
    })
    .filter(
      ({ instanceType, subnet, zone }) =>
        subnet === undefined || offerings.some((offer) => offer.type === instanceType && offer.zone === zone),
    );
  if (offerings.length > 0 && pools.length > 0) return pools;
  throw new ImgclsError('config', `EC2 offers no usual instance type for ${architecture} in these zones.`, {
    hint: 'Name types with --instance-types. "aws ec2 describe-instance-type-offerings" lists them by zone.',
  });
}

export const typesOf = (pools: readonly Pool[]): string[] => [
  ...new Set(pools.flatMap(({ instanceType = [] }) => instanceType)),
];

/** Every type in every subnet. */
export function everyPool(types: readonly string[], subnets: readonly string[]): Pool[] {
  const ofTypes: Pool[] = types.length > 0 ? types.map((instanceType) => ({ instanceType })) : [{}];
  if (subnets.length === 0) return ofTypes;
  return ofTypes.flatMap((pool) => subnets.map((subnet) => ({ ...pool, subnet })));
}

/** Of the image, or of the template's own type if the image is named by a parameter that EC2 resolves at the launch. */
async function architectureOf(
  ec2: Pick<Ec2, 'template' | 'types' | 'imageArchitecture'>,
  template: string,
): Promise<string> {
  const { imageId = '', instanceType } = await ec2.template(template);
  const ofImage = imageId.startsWith('ami-') ? await ec2.imageArchitecture(imageId) : undefined;
  const [own] = ofImage !== undefined || instanceType === undefined ? [] : await ec2.types([instanceType]);
  const architecture = ofImage ?? own?.architectures.find((each) => each in TYPES);
  if (architecture !== undefined && architecture in TYPES) return architecture;
  throw new ImgclsError('config', `The architecture of launch template ${template} is not known.`, {
    hint: 'Name types with --instance-types.',
  });
}

export interface Merits {
  /** Measured on this cluster's machines. */
  imagesPerSecondByType: Readonly<Record<string, number>>;
  /** In the market of the launch. */
  priceOf(type: string, zone?: string): number | undefined;
}

/**
 * The pools with their priority, by images a dollar. A type that was not measured counts with what a core does on those that
 * were, so that cheap types are tried; one without a price is the last.
 */
export function ranked(pools: readonly Pool[], merits: Merits): Pool[] {
  if (typesOf(pools).length < 2) return [...pools];
  const perCore = medianOf(
    Object.entries(merits.imagesPerSecondByType).map(([type, rate]) => rate / (coresOf(type) ?? 1)),
  );
  const imagesPerUsd = ({ instanceType: type = '', zone }: Pool) => {
    const rate = merits.imagesPerSecondByType[type] ?? perCore * (coresOf(type) ?? 1);
    const usd = merits.priceOf(type, zone);
    return usd === undefined || usd === 0 ? 0 : rate / usd;
  };
  const order = [...new Set(pools.map(imagesPerUsd))].toSorted((a, b) => b - a);
  return pools.map((pool) => ({ ...pool, priority: order.indexOf(imagesPerUsd(pool)) }));
}

/** 1 if nothing was measured: then prices alone decide. */
const medianOf = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 1;

/** Whether workers could be launched. */
import type { Quotas } from '../core/aws-account/account.ts';
import type { Ec2, Ec2Launch, LaunchRehearsal, Pool } from '../core/aws-account/ec2.ts';
import { ImgclsError, messageOf } from '../core/runtime/errors.ts';
import { CLUSTER_TAG } from '../scaler/drivers/ec2.ts';
import { checkEc2 } from '../scaler/drivers/ec2-check.ts';
import { actionNeeded, type CheckResult, failed, ok, unknown } from './check.ts';

/** What any fleet of EC2 is looked at with. */
export interface FleetCheckParts {
  ec2: Pick<Ec2, 'template' | 'types' | 'imageArchitecture'> & LaunchRehearsal;
  quotas: Quotas;
  cluster: string;
  max: number;
  onDemandPercentage: number;
  /** A controller lives, and it is what launches: this identity may well not. */
  isControlled(): boolean;
}

/** One whose instances a controller launches itself. */
export interface Ec2FleetParts extends FleetCheckParts {
  template: string;
  instanceTypes: readonly string[];
  /** In which it would look for capacity; at least one, an empty one is the launch template's own. */
  pools: readonly Pool[];
}

/** What this identity may not see or do is no matter where a controller with rights of its own acts. */
export async function unlessControlled(
  parts: Pick<FleetCheckParts, 'isControlled'>,
  run: () => Promise<CheckResult>,
): Promise<CheckResult> {
  try {
    return await run();
  } catch (error) {
    const isTheirs = error instanceof ImgclsError && error.kind === 'permanent' && parts.isControlled();
    return isTheirs ? unknown(`${messageOf(error)} (the controller has rights of its own)`) : failed(error);
  }
}

/** Template, types and image are there and fit together. */
export const checkLaunchTemplate = (parts: Ec2FleetParts): Promise<CheckResult> =>
  unlessControlled(parts, async () => {
    const { ec2, template, instanceTypes } = parts;
    const types = await checkEc2(ec2, { template, instanceTypes });
    const { imageId } = await ec2.template(template);
    const isPlain = imageId?.startsWith('ami-') === true;
    const architecture = isPlain ? await ec2.imageArchitecture(imageId) : undefined;
    if (isPlain && architecture === undefined)
      return actionNeeded(
        `image ${imageId} of ${template} is not there any more.`,
        '"imgcls ami build" makes one, "imgcls deploy" puts it into the launch template.',
      );
    return ok(
      `${template}: ${types.join(', ')} from ${imageId ?? 'its own image'}${architecture ? ` (${architecture})` : ''}`,
    );
  });

/** Asks EC2 for the very launch that a controller would make, and takes none. */
export const checkLaunch = (parts: Ec2FleetParts): Promise<CheckResult> =>
  unlessControlled(parts, async () => {
    await parts.ec2.rehearse(rehearsal(parts));
    return ok('an instance could be launched');
  });

function rehearsal({ cluster, template, pools, onDemandPercentage }: Ec2FleetParts): Ec2Launch {
  const onDemand = onDemandPercentage > 0 ? 1 : 0;
  return {
    token: `imgcls-doctor-${cluster}`,
    template,
    pools,
    onDemand,
    spot: 1 - onDemand,
    tags: { [CLUSTER_TAG]: cluster },
  };
}

/** Families that share the quota of standard instances. */
const STANDARD = /^[acdhimrtz]/;

/** Whether the account may run as many instances as the fleet may have. */
export const checkQuota = (parts: Omit<Ec2FleetParts, 'pools'>): Promise<CheckResult> =>
  unlessControlled(parts, async () => {
    const { ec2, quotas, template, instanceTypes, max, onDemandPercentage } = parts;
    const own = (await ec2.template(template)).instanceType;
    const names = instanceTypes.length > 0 ? instanceTypes : own === undefined ? [] : [own];
    const types = await ec2.types(names);
    const vCpus = types.map((type) => type.vCpus);
    const [other] = names.filter((name) => !STANDARD.test(name));
    if (other !== undefined)
      return unknown(`${other} has a quota of its own: look at it in the Service Quotas console`);
    if (vCpus.length === 0 || vCpus.includes(undefined))
      return unknown(`EC2 does not say how many vCPUs ${names.join(', ')} has`);
    const market = onDemandPercentage > 0 ? 'on-demand' : 'spot';
    const needed = max * Math.max(...vCpus.map((each) => each ?? 0));
    const allowed = await quotas.standardVcpus(market).catch(messageOf);
    if (typeof allowed === 'string') return unknown(allowed);
    const words = `${max} workers take ${needed} vCPUs, the account's quota is ${allowed} (${market}, all its instances together)`;
    if (needed <= allowed) return ok(words);
    return actionNeeded(
      `${words}.`,
      `Ask for more in the Service Quotas console (Amazon EC2, standard instances), or lower --max to ${Math.floor((allowed * max) / needed)}.`,
    );
  });

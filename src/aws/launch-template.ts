import {
  DescribeLaunchTemplateVersionsCommand,
  type EC2Client,
  type ResponseLaunchTemplateData,
} from '@aws-sdk/client-ec2';
import type { TemplateInfo } from '../core/aws-account/ec2.ts';
import { calling } from './retry.ts';

/** `NAME`, `lt-ID`, either with `:VERSION`. */
export function templateSpecification(name: string) {
  const [template = '', Version = '$Default'] = name.split(':', 2);
  return /^lt-[0-9a-f]+$/.test(template)
    ? { LaunchTemplateId: template, Version }
    : { LaunchTemplateName: template, Version };
}

export const readLaunchTemplate = (client: EC2Client, name: string): Promise<TemplateInfo> =>
  calling(`read launch template ${name} (ec2:DescribeLaunchTemplateVersions)`, undefined, async () => {
    const { Version, ...template } = templateSpecification(name);
    const command = new DescribeLaunchTemplateVersionsCommand({ ...template, Versions: [Version] });
    const { LaunchTemplateVersions = [] } = await client.send(command);
    return templateInfo(LaunchTemplateVersions[0]?.LaunchTemplateData ?? {});
  });

function templateInfo(data: ResponseLaunchTemplateData): TemplateInfo {
  const { InstanceType, ImageId, BlockDeviceMappings = [], NetworkInterfaces = [] } = data;
  return {
    ...(InstanceType !== undefined && { instanceType: InstanceType }),
    ...(ImageId !== undefined && { imageId: ImageId }),
    attached: {
      diskGb: BlockDeviceMappings.reduce((sum, { Ebs }) => sum + (Ebs?.VolumeSize ?? 0), 0),
      hasPublicAddress: NetworkInterfaces.some(({ AssociatePublicIpAddress }) => AssociatePublicIpAddress),
    },
  };
}

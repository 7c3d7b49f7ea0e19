import { type EC2Client, paginateDescribeImages } from '@aws-sdk/client-ec2';
import { IMAGE_TAG, VERSION_TAG, type WorkerImages } from '../core/aws-account/account.ts';
import { calling } from './retry.ts';

/** The machine images for workers that this account owns. */
export function createWorkerImages(client: EC2Client): WorkerImages {
  return {
    list: () =>
      calling('list worker images (ec2:DescribeImages)', undefined, async () => {
        const pages = paginateDescribeImages(
          { client },
          {
            Owners: ['self'],
            Filters: [
              { Name: `tag:${IMAGE_TAG.key}`, Values: [IMAGE_TAG.worker] },
              { Name: 'state', Values: ['available'] },
            ],
          },
        );
        const images = (await Array.fromAsync(pages)).flatMap(({ Images = [] }) => Images);
        return images
          .map(
            ({ ImageId = '', Architecture = '', CreationDate = '', Tags = [], BlockDeviceMappings = [] }) => {
              const version = Tags.find(({ Key }) => Key === VERSION_TAG)?.Value;
              return {
                id: ImageId,
                architecture: String(Architecture),
                createdAtMs: Date.parse(CreationDate),
                ...(version !== undefined && { version }),
                snapshots: BlockDeviceMappings.flatMap(({ Ebs }) => Ebs?.SnapshotId ?? []),
              };
            },
          )
          .sort((a, b) => b.createdAtMs - a.createdAtMs);
      }),
  };
}

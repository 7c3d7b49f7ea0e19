/** Plays the builder of a machine image, as moto runs no script and has no console output. */
import { createHash } from 'node:crypto';
import {
  CreateTagsCommand,
  DescribeImagesCommand,
  type EC2Client,
  StopInstancesCommand,
} from '@aws-sdk/client-ec2';
import type { FaultProxy, ProxiedRequest, Reply } from './fault-proxy.ts';

const of = (action: string) => (request: ProxiedRequest) => request.action === action;

/** The next builders run their script: they download the package, check its digest, and stop. */
export function builderRuns(
  proxy: FaultProxy,
  ec2: EC2Client,
  times = 1,
): { downloaded(): Buffer | undefined } {
  let downloaded: Buffer | undefined;
  proxy.inject({
    times,
    of: (request) => request.action === 'RunInstances' && scriptOf(request).includes('provision.sh'),
    async answer(request, forward) {
      const reply = await forward();
      const script = scriptOf(request);
      const [, url = ''] = /--output \/root\/imgcls\.tgz '([^']+)'/.exec(script) ?? [];
      const [, sha256] = /echo '(\w+) {2}\/root\/imgcls\.tgz' \| sha256sum --check/.exec(script) ?? [];
      const bytes = Buffer.from(await (await fetch(url)).arrayBuffer());
      if (createHash('sha256').update(bytes).digest('hex') === sha256) downloaded = bytes;
      const [, id = ''] = /<instanceId>(i-\w+)</.exec(String(reply.body)) ?? [];
      await ec2.send(new StopInstancesCommand({ InstanceIds: [id] }));
      return reply;
    },
  });
  return { downloaded: () => downloaded };
}

const scriptOf = ({ form }: ProxiedRequest): string =>
  Buffer.from(form?.get('UserData') ?? '', 'base64').toString();

/** The consoles of the next instances that are asked for it say this. */
export function consoleSays(proxy: FaultProxy, text: string, times = 1): void {
  const output = Buffer.from(text).toString('base64');
  proxy.inject({
    times,
    of: of('GetConsoleOutput'),
    answer: async (): Promise<Reply> => ({
      status: 200,
      headers: { 'content-type': 'text/xml' },
      body: `<GetConsoleOutputResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><output>${output}</output></GetConsoleOutputResponse>`,
    }),
  });
}

/** The next images tag their snapshots together with themselves, which moto does not. */
export function imagesHaveTaggedSnapshots(proxy: FaultProxy, ec2: EC2Client, times = 1): void {
  proxy.inject({
    times,
    of: of('CreateImage'),
    async answer({ form }, forward) {
      if (form?.get('TagSpecification.2.ResourceType') !== 'snapshot')
        throw new Error('The snapshots have no tags.');
      const ofImage = [...form].filter(([name]) => !name.startsWith('TagSpecification.2'));
      const reply = await forward(String(new URLSearchParams(ofImage)));
      const [, ImageId = ''] = /<imageId>(ami-\w+)</.exec(String(reply.body)) ?? [];
      const Tags = [1, 2, 3, 4].map((n) => ({
        Key: form.get(`TagSpecification.2.Tag.${n}.Key`) ?? '',
        Value: form.get(`TagSpecification.2.Tag.${n}.Value`) ?? '',
      }));
      const { Images: [image] = [] } = await ec2.send(new DescribeImagesCommand({ ImageIds: [ImageId] }));
      const Resources = (image?.BlockDeviceMappings ?? []).flatMap(({ Ebs }) => Ebs?.SnapshotId ?? []);
      await ec2.send(new CreateTagsCommand({ Resources, Tags }));
      return reply;
    },
  });
}

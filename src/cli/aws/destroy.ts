// `imgcls destroy`: deletes a cluster and reports what remains in the account.

import { type AwsAccount, deploymentSettings, openAwsAccount } from '../../app/open-aws-account.ts';
import { userConfigFile } from '../../app/settings.ts';
import { changeSettingsFile } from '../../app/settings-file.ts';
import { systemClock } from '../../app/system-clock.ts';
import { whoAmI } from '../../aws/identity.ts';
import type { Caller } from '../../core/aws-account/account.ts';
import type { StackEvent } from '../../core/aws-account/stacks.ts';
import { listActiveJobs } from '../../core/job/job-record.ts';
import { ImgclsError } from '../../core/runtime/errors.ts';
import { pluralize } from '../../core/text/pluralize.ts';
import { imageText, isLastCluster, removeShared } from '../../deploy/account-remains.ts';
import { clusterSettings, type SettingValues, withoutCluster } from '../../deploy/cluster-settings.ts';
import { assetsBucketOf } from '../../deploy/controller-code.ts';
import {
  type ClusterContents,
  destroyCluster,
  isEmpty,
  MAX_COUNTED_OBJECTS,
  surveyCluster,
} from '../../deploy/destroy-cluster.ts';
import { CLUSTER_TAG } from '../../scaler/drivers/ec2.ts';
import { withInterrupt } from '../run.ts';
import { agree } from '../terminal/ask.ts';
import { exitCode } from '../terminal/exit.ts';
import { notice } from '../terminal/notice.ts';
import { UNBOUNDED } from '../terminal/screen.ts';
import { drawTable } from '../terminal/table.ts';
import { stackNameOf } from './stack-name.ts';
import { stackProgress } from './stack-progress.ts';

export interface DestroyFlags {
  cluster?: string;
  dataDir?: string;
  region?: string;
  settings?: string;
  /** Keep machine images and the bucket of assets although this is the last cluster. */
  keepImages?: boolean;
  dryRun?: boolean;
  yes?: boolean;
}

/** Runs `imgcls destroy`. @returns the exit code. */
export function destroy(flags: DestroyFlags): Promise<number> {
  const advice = 'The cluster is partly deleted. Run the same command again to continue.';
  return withInterrupt(advice, async (signal, cleanup) => {
    const { cluster: wanted, dataDir, region, yes = false } = flags;
    const { cluster } = deploymentSettings({ cluster: wanted, dataDir });
    const caller = await whoAmI(region === undefined ? {} : { region });
    notice(`Cluster ${cluster}, account ${caller.account}, region ${caller.region}, as ${caller.arn}.`);

    const account = openAwsAccount(region, cleanup);
    const stackName = stackNameOf(cluster);
    const progress = stackProgress(stackName);
    cleanup.add(progress.stop);
    const ports = {
      ...account,
      machines: {
        list: () => account.ec2.describe({ key: CLUSTER_TAG, value: cluster }),
        end: (ids: readonly string[]) => account.ec2.terminate(ids),
      },
      cluster,
      stackName,
      clock: systemClock,
      signal,
      notice: progress.notice,
      onEvent: progress.show,
      countUnfinishedJobs: (bucket: string) => countJobs(account, bucket, signal),
    };
    const contents = await surveyCluster(ports);
    progress.stop();
    const assetsBucket = assetsBucketOf(caller);
    const takesShared = flags.keepImages !== true && (await isLastCluster(account, stackName));
    if (isEmpty(contents)) notice(`No cluster ${cluster} in ${caller.region}.`);
    else {
      process.stderr.write(`${contentsText(cluster, contents)}\n`);
      if (takesShared)
        notice(
          'This is the last cluster in the region: machine images and the bucket of assets are deleted, too.',
        );
      if (flags.dryRun === true) {
        notice('Dry run: nothing was deleted.');
        return exitCode.done;
      }
      const why = 'Destroying a cluster deletes everything in it';
      const agreed = await agree('Destroy it?', { yes, why, hint: 'Use --yes to agree in advance.', signal });
      if (!agreed) throw new ImgclsError('permanent', 'Nothing was deleted.');
    }
    const kept = isEmpty(contents) ? [] : await destroyCluster(ports, contents);
    progress.stop();
    if (!isEmpty(contents)) notice(`Destroyed cluster ${cluster}.`);
    await clearSettings(flags.settings, settingsOf(cluster, contents, caller));
    if (takesShared) await removeShared(ports, assetsBucket);
    await reportRemaining({ kept, contents, account, assetsBucket });
    return exitCode.done;
  });
}

async function countJobs({ store }: AwsAccount, bucket: string, signal: AbortSignal): Promise<number> {
  let jobs = 0;
  for await (const _ of listActiveJobs(store(bucket), signal)) jobs++;
  return jobs;
}

/** At most so many instances are listed by id. */
const MAX_NAMED = 10;

/** It is not known how many there are. */
const MANY_OBJECTS = `more than ${MAX_COUNTED_OBJECTS} object versions (a million take about 5 minutes; docs/limits.md says how S3 deletes very many)`;

/** What the command will delete. */
function contentsText(cluster: string, contents: ClusterContents): string {
  const { stack, resources, buckets, machines, unfinishedJobs, responseQueues } = contents;
  const named = machines.slice(0, MAX_NAMED).map(({ id, type, state }) => `${id} (${type}, ${state})`);
  if (machines.length > MAX_NAMED) named.push(`${machines.length - MAX_NAMED} more`);
  const table = drawTable(
    ['what', 'to be deleted'],
    [
      [
        'stack',
        stack === undefined ? 'none' : `${stack.name}, ${resources.length} resources (${stack.status})`,
      ],
      ...buckets.map(({ name, objects }) => [
        'bucket',
        `${name}, ${objects >= MAX_COUNTED_OBJECTS ? MANY_OBJECTS : pluralize(objects, 'object version')}`,
      ]),
      ['unfinished jobs', String(unfinishedJobs)],
      ['instances', named.length === 0 ? 'none' : named.join(', ')],
      ['response queues', String(responseQueues.length)],
    ],
    { frame: 'none', screen: UNBOUNDED },
  );
  return `Cluster ${cluster}:\n${table}`;
}

/** The settings that the deployment wrote; without a stack only the input bucket, which identifies the cluster. */
function settingsOf(
  cluster: string,
  { stack }: Pick<ClusterContents, 'stack'>,
  { account, region }: Caller,
): SettingValues {
  return stack?.outputs.InputBucket === undefined || stack.outputs.OutputBucket === undefined
    ? { inputBucket: `imgcls-${cluster}-input-${account}-${region}` }
    : clusterSettings(cluster, stack);
}

async function clearSettings(file = userConfigFile(process.env), cluster: SettingValues): Promise<void> {
  const changed = await changeSettingsFile(file, (values) => withoutCluster(values, cluster));
  if (changed) notice(`Removed its settings from ${file}.`);
}

interface RemainingParts {
  kept: readonly StackEvent[];
  contents: ClusterContents;
  account: AwsAccount;
  assetsBucket: string;
}

/** Reports what remains in the account and how to remove it, one item a line. */
async function reportRemaining({
  kept,
  contents,
  account: { secrets, images, buckets },
  assetsBucket,
}: RemainingParts): Promise<void> {
  const lines = kept.map(keptText);
  for (const { type, physicalId } of contents.resources) {
    if (type !== 'AWS::SecretsManager::Secret' || physicalId === undefined) continue;
    const goneAtMs = await secrets.goneAtMs(physicalId);
    if (goneAtMs === undefined) continue;
    const until = new Date(goneAtMs).toISOString().slice(0, 10);
    lines.push(
      `secret ${physicalId} (can be restored until ${until}): aws secretsmanager delete-secret --force-delete-without-recovery --secret-id ${physicalId}`,
    );
  }
  for (const image of await images.list()) {
    const commands = [
      `aws ec2 deregister-image --image-id ${image.id}`,
      ...image.snapshots.map((snapshot) => `aws ec2 delete-snapshot --snapshot-id ${snapshot}`),
    ];
    lines.push(`worker image ${imageText(image)}, which others may use: ${commands.join('; ')}`);
  }
  if ((await buckets.count(assetsBucket, 1)) !== undefined)
    lines.push(
      `bucket ${assetsBucket}, which other clusters may use: aws s3 rb --force s3://${assetsBucket}`,
    );
  if (lines.length === 0) notice('Nothing of the cluster remains in the account.');
  for (const line of lines) notice(`Remaining: ${line}`);
}

function keptText({ resource, type, physicalId = '' }: StackEvent): string {
  if (type === 'AWS::Logs::LogGroup')
    return `log group ${physicalId}: aws logs delete-log-group --log-group-name ${physicalId}`;
  return `${resource} (${type}) ${physicalId}: the template retains it. Delete it in the AWS console.`;
}

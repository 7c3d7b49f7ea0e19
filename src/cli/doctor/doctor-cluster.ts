// The checks of `imgcls doctor` for a cluster on AWS.

import { ulid } from 'ulid';
import { maxWorkers } from '../../app/open-fleet.ts';
import { openClusterModels, selectJobModel } from '../../app/select-job-model.ts';
import type { RunSettings } from '../../app/settings.ts';
import { systemClock } from '../../app/system-clock.ts';
import { createAutoScaling } from '../../aws/auto-scaling.ts';
import { createAutoScalingClient, createEc2Client } from '../../aws/clients.ts';
import { createAwsCloud } from '../../aws/cloud.ts';
import { createEc2 } from '../../aws/ec2.ts';
import { configuredEndpoints } from '../../aws/endpoints.ts';
import { createControllerCalls } from '../../aws/functions.ts';
import { ownAccessKey, whoAmI } from '../../aws/identity.ts';
import { createPermissions } from '../../aws/permissions.ts';
import { createQuotas } from '../../aws/quotas.ts';
import type { Caller } from '../../core/aws-account/account.ts';
import type { Cloud, Store } from '../../core/cloud/ports.ts';
import { CONTROLLER_TIMING } from '../../core/fleet/controller-timing.ts';
import { deadLetterQueueName, interactiveQueueName, modelPrefix } from '../../core/job/keys.ts';
import { modelTitle } from '../../core/model/model.ts';
import type { Cleanup } from '../../core/runtime/cleanup.ts';
import { ImgclsError, messageOf } from '../../core/runtime/errors.ts';
import { checkClusterValues } from '../../core/settings/cluster-settings.ts';
import { actionNeeded, type Check, type CheckResult, ok, unknown } from '../../doctor/check.ts';
import {
  checkController,
  checkInputBucket,
  checkOptionalQueue,
  checkOutputBucket,
  checkRequestQueue,
  checkResponseQueue,
  checkWake,
} from '../../doctor/cluster.ts';
import {
  checkLaunch,
  checkLaunchTemplate,
  type Ec2FleetParts,
  type FleetCheckParts,
} from '../../doctor/fleet.ts';
import { checkGroupQuota, checkScalingGroup, type GroupParts } from '../../doctor/group.ts';
import { checkClock } from '../../doctor/machine.ts';
import { checkQuota } from '../../doctor/quota.ts';
import { checkStoredObjects } from '../../doctor/stored-objects.ts';
import { WEIGHTS_FILE } from '../../model/folder.ts';
import { AUTO, everyPool, onDemandPercentageOf } from '../../scaler/drivers/instance-choice.ts';
import { readReport } from '../../scaler/report.ts';

/** Ordered so that a failure comes before the failures that it causes. */
export function clusterChecks(settings: RunSettings, cleanup: Cleanup, signal: AbortSignal): Check[] {
  const { cluster, inputBucket = '', outputBucket = '' } = settings;
  const cloud = createAwsCloud({ cluster, inputBucket, outputBucket });
  cleanup.add(() => cloud.close());
  const permissions = createPermissions({});
  cleanup.add(() => permissions.end());
  const { queues } = cloud;
  const identity = new CallerIdentity();
  let isControlled = false;
  const credentials: Check = {
    name: 'credentials',
    async run() {
      return ok((await identity.known()).text);
    },
  };
  const others: Check[] = [
    { name: 'region', run: async () => ok((await identity.known()).region) },
    { name: 'clock', run: () => checkOwnClock(identity) },
    { name: 'input bucket', run: () => checkInputBucket(cloud.input) },
    { name: 'output bucket', run: () => checkOutputBucket(cloud.output) },
    {
      name: 'request queue',
      run: async () =>
        checkRequestQueue({ queues, cluster, caller: (await identity.known()).caller, permissions }),
    },
    { name: 'response queue', run: () => checkResponseQueue(queues, cluster, ulid()) },
    {
      name: 'dead letters',
      run: () => checkOptionalQueue(queues, deadLetterQueueName(cluster), '"imgcls dlq"'),
    },
    {
      name: 'interactive',
      run: () => checkOptionalQueue(queues, interactiveQueueName(cluster), '"imgcls serve"'),
    },
    {
      name: 'objects',
      run: () =>
        checkStoredObjects(cloud, signal).catch((error) => unknown(`not checked: ${messageOf(error)}`)),
    },
    { name: 'model', run: () => checkModel(settings, cloud) },
    {
      name: 'controller',
      async run() {
        const result = await checkController({
          output: cloud.output,
          timing: CONTROLLER_TIMING[cloud.kind],
          clock: systemClock,
          signal,
        });
        isControlled = result.status === 'ok';
        return result;
      },
    },
    ...wakeChecks(settings, cleanup),
    ...fleetChecks(settings, cloud, cleanup, () => isControlled),
  ];
  return [credentials, ...others.map((check) => identity.required(check))];
}

interface Identity {
  text: string;
  region: string;
  /** Undefined where S3 is another server and STS is not: AWS does not know the credentials of that server. */
  caller?: Caller;
}

/** The caller's identity, found once. */
class CallerIdentity {
  answeredAtMs = 0;
  #known: Promise<Identity> | undefined;

  known(): Promise<Identity> {
    this.#known ??= findIdentity().finally(() => {
      this.answeredAtMs = systemClock.nowMs();
    });
    return this.#known;
  }

  /** Skips a check without an identity, so that missing credentials are reported once. */
  required({ name, run }: Check): Check {
    const isKnown = () =>
      this.known()
        .then(() => true)
        .catch(() => false);
    return {
      name,
      run: async () =>
        (await isKnown()) ? await run() : unknown('not checked: needs credentials and a region'),
    };
  }
}

async function checkOwnClock(identity: CallerIdentity): Promise<CheckResult> {
  const { caller } = await identity.known();
  return caller === undefined
    ? unknown('not checked: only AWS tells its time')
    : checkClock(caller, identity.answeredAtMs);
}

async function findIdentity(): Promise<Identity> {
  const { s3, sts } = await configuredEndpoints();
  if (s3 !== undefined && sts === undefined) {
    const { accessKeyId, region } = await ownAccessKey();
    return { text: `access key ${accessKeyId} for ${s3}`, region };
  }
  const caller = await whoAmI({});
  return { text: `${caller.arn} of account ${caller.account}`, region: caller.region, caller };
}

/** Checks that the model's weights are in the cluster, for workers. A submitter need not have them. */
async function checkModel(settings: RunSettings, cloud: Cloud): Promise<CheckResult> {
  const { output } = cloud;
  if (settings.model === undefined)
    throw new ImgclsError('config', 'no model is set. On AWS there is no default model.', {
      hint: 'Set "model" in imgcls.config.json (IMGCLS_MODEL); "imgcls deploy" writes it.',
    });
  const { ref, installed } = await selectJobModel(settings, openClusterModels(cloud));
  const title = modelTitle(ref);
  if (installed === undefined) return ok(`${title} is in ${output.bucket}, not installed here`);
  const found = await output.head(`${modelPrefix(ref.sha256)}${WEIGHTS_FILE}`);
  if (found?.bytes === installed.manifest.bytes)
    return ok(`${title} is installed here and in ${output.bucket}`);
  return actionNeeded(
    `${title} is installed here, but not in ${output.bucket}.`,
    `Run "imgcls model push ${title}".`,
  );
}

function wakeChecks({ controllerFunction }: RunSettings, cleanup: Cleanup): Check[] {
  if (controllerFunction === undefined) return [];
  const calls = createControllerCalls(controllerFunction);
  cleanup.add(() => calls.end());
  return [{ name: 'wake', run: () => checkWake(calls) }];
}

function fleetChecks(
  settings: RunSettings,
  { output }: Pick<Cloud, 'output'>,
  cleanup: Cleanup,
  isControlled: () => boolean,
): Check[] {
  const { fleet, autoScalingGroup, launchTemplate, cluster, subnets = [] } = settings;
  if (fleet === 'none') return [];
  const client = createEc2Client();
  const quotas = createQuotas({});
  cleanup.add(() => client.destroy());
  cleanup.add(() => quotas.end());
  const fleetNow = async () => {
    const present = await settingsInForce(settings, output);
    const parts: FleetCheckParts = {
      ec2: createEc2(client),
      quotas,
      cluster,
      max: maxWorkers({ kind: 'aws' }, present),
      onDemandPercentage: onDemandPercentageOf(present),
      isControlled,
    };
    return { present, parts };
  };
  if (fleet === 'asg' && autoScalingGroup !== undefined) {
    const groups = createAutoScalingClient();
    cleanup.add(() => groups.destroy());
    const groupNow = async (): Promise<GroupParts> => {
      const { present, parts } = await fleetNow();
      return { ...parts, autoScaling: createAutoScaling(groups), group: autoScalingGroup, min: present.min };
    };
    return [
      { name: 'scaling group', run: async () => checkScalingGroup(await groupNow()) },
      { name: 'vCPU quota', run: async () => checkGroupQuota(await groupNow()) },
    ];
  }
  if (launchTemplate === undefined) return [];
  const ec2Now = async (): Promise<Ec2FleetParts> => {
    const { present, parts } = await fleetNow();
    // With "auto" the type of the launch template stands for the others.
    const instanceTypes = (present.instanceTypes ?? []).filter((type) => type !== AUTO);
    return { ...parts, template: launchTemplate, instanceTypes, pools: everyPool(instanceTypes, subnets) };
  };
  return [
    { name: 'launch template', run: async () => checkLaunchTemplate(await ec2Now()) },
    { name: 'launch', run: async () => checkLaunch(await ec2Now()) },
    { name: 'vCPU quota', run: async () => checkQuota(await ec2Now()) },
  ];
}

/** As the controller applied them last: those of this machine say little about a controller elsewhere. */
async function settingsInForce(settings: RunSettings, output: Store): Promise<RunSettings> {
  try {
    const { settings: reported = {} } = (await readReport(output)) ?? {};
    const values = Object.entries(reported).map(([name, { value }]) => [name, value] as const);
    return { ...settings, ...checkClusterValues(Object.fromEntries(values)) };
  } catch {
    // Other checks report what is wrong with the bucket.
    return settings;
  }
}

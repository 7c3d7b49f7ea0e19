/** `imgcls doctor` of a cluster on the moto server, with one fault at a time. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CreateAutoScalingGroupCommand } from '@aws-sdk/client-auto-scaling';
import { CreateLaunchTemplateCommand } from '@aws-sdk/client-ec2';
import { CreateBucketCommand, ListObjectVersionsCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { openModelLibrary } from '../../../src/app/select-job-model.ts';
import type { RunSettings } from '../../../src/app/settings.ts';
import { systemClock } from '../../../src/app/system-clock.ts';
import { createAutoScalingClient, createEc2Client, createS3Client } from '../../../src/aws/clients.ts';
import { createAwsCloud } from '../../../src/aws/cloud.ts';
import { clusterChecks } from '../../../src/cli/doctor/doctor-cluster.ts';
import type { Cloud } from '../../../src/core/cloud/ports.ts';
import {
  CONTROLLER_LOCK_KEY,
  CONTROLLER_REPORT_KEY,
  deadLetterQueueName,
  interactiveQueueName,
  modelPrefix,
  requestQueueName,
} from '../../../src/core/job/keys.ts';
import { Cleanup } from '../../../src/core/runtime/cleanup.ts';
import { resolveSettings } from '../../../src/core/settings/settings.ts';
import { type Finding, runChecks } from '../../../src/doctor/check.ts';
import { pushModel } from '../../../src/model/fetch.ts';
import { LockKeeper } from '../../../src/scaler/lock.ts';
import { writeReport } from '../../../src/scaler/report.ts';
import {
  type Fault,
  type ProxiedRequest,
  serviceError,
  startFaultProxy,
} from '../../contract/fault-proxy.ts';
import { standInEnvironment, startMoto } from '../../contract/moto.ts';
import { repository, start } from '../../e2e/package.ts';

const moto = await startMoto();
const proxy = moto && (await startFaultProxy(moto.url));
const given = {
  cloud: 'aws',
  inputBucket: 'test-input',
  outputBucket: 'test-output',
  model: 'efficientnet-lite0',
  launchTemplate: 'workers',
  max: 4,
};

const by = (action: string, answer: Fault['answer'], of: Fault['of'] = () => true): Fault => ({
  of: (request) => request.action === action && of(request),
  times: Number.POSITIVE_INFINITY,
  answer,
});
const refuse = (status: number, code: string) => async (request: ProxiedRequest) =>
  serviceError(request, status, code);
const about = (text: string) => (request: ProxiedRequest) => String(request.body).includes(text);

/** Services that moto lacks. */
const quota = (value: number): Fault =>
  by('ServiceQuotasV20190624.GetServiceQuota', async () => ({
    status: 200,
    headers: { 'content-type': 'application/x-amz-json-1.1' },
    body: JSON.stringify({ Quota: { Value: value } }),
  }));
const simulated = (decision: 'allowed' | 'implicitDeny'): Fault =>
  by('SimulatePrincipalPolicy', async ({ form }) => ({
    status: 200,
    headers: { 'content-type': 'text/xml' },
    body: `<SimulatePrincipalPolicyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><SimulatePrincipalPolicyResult>
      <EvaluationResults><member><EvalActionName>${form?.get('ActionNames.member.1')}</EvalActionName>
      <EvalDecision>${decision}</EvalDecision></member></EvaluationResults></SimulatePrincipalPolicyResult></SimulatePrincipalPolicyResponse>`,
  }));

describe.skipIf(proxy === undefined)('imgcls doctor of a cluster', () => {
  const env = standInEnvironment(proxy?.url ?? '');
  let folder: string;
  let cloud: Cloud;
  let lock: LockKeeper;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'imgcls-doctor-'));
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
    const s3 = createS3Client();
    for (const Bucket of ['test-input', 'test-output']) await s3.send(new CreateBucketCommand({ Bucket }));
    s3.destroy();
    const ec2 = createEc2Client();
    for (const [name, ImageId] of [
      ['workers', 'ami-12c6146b'],
      ['outlived', 'ami-00000000000000000'],
    ]) {
      const LaunchTemplateData = { ImageId, InstanceType: 'c7i.large' as const };
      await ec2.send(new CreateLaunchTemplateCommand({ LaunchTemplateName: name, LaunchTemplateData }));
    }
    ec2.destroy();
    cloud = createAwsCloud({ cluster: 'default', inputBucket: 'test-input', outputBucket: 'test-output' });
    for (const name of [deadLetterQueueName, requestQueueName, interactiveQueueName])
      await cloud.queues.create(name('default'));
    for (const model of await openModelLibrary(settings({})).find('efficientnet-lite0'))
      await pushModel(model, cloud.output);
    lock = new LockKeeper({ store: cloud.output, holder: 'someone', clock: systemClock, ttlMs: 60_000 });
    await lock.keep();
  });
  beforeEach(() => {
    proxy?.unused();
  });
  afterAll(async () => {
    await cloud?.close();
    await rm(folder, { recursive: true, force: true });
    await proxy?.close();
    await moto?.close();
    vi.unstubAllEnvs();
  });

  function settings(changes: object): RunSettings {
    const values = { dataDir: folder, ...given, ...changes };
    return resolveSettings([{ from: 'test', values }]).settings as RunSettings;
  }

  /** A controller: renews its lock after each look at it. */
  const controller = (): Fault => ({
    of: ({ method, path: address }) => method === 'GET' && address.includes(CONTROLLER_LOCK_KEY),
    times: Number.POSITIVE_INFINITY,
    async answer(_, forward) {
      const reply = await forward();
      await lock.keep();
      return reply;
    },
  });

  /** Runs the checks of these names, while a controller is running. */
  async function examine(names: readonly string[], changes: object, ...faults: Fault[]): Promise<Finding[]> {
    for (const fault of faults) proxy?.inject(fault);
    for (const usual of [quota(32), simulated('allowed'), controller()]) proxy?.inject(usual);
    const cleanup = new Cleanup();
    const { signal } = new AbortController();
    const checks = clusterChecks(settings(changes), cleanup, signal);
    try {
      const chosen = names.length === 0 ? checks : checks.filter(({ name }) => names.includes(name));
      expect(chosen.length).toBeGreaterThanOrEqual(names.length);
      return await Array.fromAsync(runChecks(chosen, signal));
    } finally {
      await cleanup.run();
    }
  }

  it('finds no problem in a healthy cluster, and changes nothing', async () => {
    const findings = await examine([], {});
    expect(findings.filter(({ status }) => status !== 'ok')).toEqual([]);
    expect(findings.map(({ check }) => check)).toEqual([
      'credentials',
      'region',
      'clock',
      'input bucket',
      'output bucket',
      'request queue',
      'response queue',
      'dead letters',
      'interactive',
      'objects',
      'model',
      'controller',
      'launch template',
      'launch',
      'vCPU quota',
    ]);
    const s3 = createS3Client();
    const { Versions } = await s3.send(new ListObjectVersionsCommand({ Bucket: 'test-input' }));
    s3.destroy();
    expect(Versions).toBeUndefined();
    expect(await Array.fromAsync(cloud.queues.list('imgcls-default-resp-'))).toEqual([]);
  });

  const late = by('GetCallerIdentity', async (_, forward) => {
    const reply = await forward();
    return { ...reply, headers: { ...reply.headers, date: new Date(Date.now() - 600_000).toUTCString() } };
  });
  const noPut: Fault = {
    of: ({ method, path: address }) => method === 'PUT' && address.includes('/test-input/'),
    times: Number.POSITIVE_INFINITY,
    answer: refuse(403, 'AccessDenied'),
  };
  it.each<[string, string, object, Fault[], string, RegExp]>([
    ['the clock is wrong', 'clock', {}, [late], 'action_needed', /60\d s ahead of the AWS clock/],
    [
      'the input bucket is gone',
      'input bucket',
      { inputBucket: 'nowhere' },
      [],
      'action_needed',
      /nowhere.*does not exist/,
    ],
    [
      'images may not be stored',
      'input bucket',
      {},
      [noPut],
      'action_needed',
      /store s3:\/\/test-input.*denied/,
    ],
    [
      'the request queue is gone',
      'request queue',
      {},
      [by('GetQueueUrl', refuse(400, 'QueueDoesNotExist'), about('request'))],
      'action_needed',
      /queue imgcls-default-request does not exist/,
    ],
    [
      'jobs may not be sent',
      'request queue',
      {},
      [simulated('implicitDeny')],
      'action_needed',
      /may not send/,
    ],
    [
      'the policy simulator is not permitted',
      'request queue',
      {},
      [by('SimulatePrincipalPolicy', refuse(403, 'AccessDenied'))],
      'unknown',
      /0 waiting; cannot tell whether jobs can be sent/,
    ],
    [
      'a waiter may make no queue',
      'response queue',
      {},
      [by('CreateQueue', refuse(403, 'AccessDenied'))],
      'action_needed',
      /create queue imgcls-default-resp-.*denied/,
    ],
    [
      'a submitter may not look at the interactive queue',
      'interactive',
      {},
      [by('GetQueueUrl', refuse(403, 'AccessDenied'), about('interactive'))],
      'unknown',
      /only "imgcls serve" needs it/,
    ],
    ['no model is set', 'model', { model: undefined }, [], 'action_needed', /no model is set/],
    [
      'the model is not installed',
      'model',
      { model: 'resnet50' },
      [],
      'action_needed',
      /"resnet50" is not installed/,
    ],
    [
      'the launch template is gone',
      'launch template',
      { launchTemplate: 'nowhere' },
      [],
      'action_needed',
      /no such launch template/,
    ],
    [
      'its image is gone',
      'launch template',
      { launchTemplate: 'outlived' },
      [],
      'action_needed',
      /the machine image does not exist/,
    ],
    [
      'nothing may be launched',
      'launch',
      {},
      [by('RunInstances', refuse(403, 'UnauthorizedOperation'))],
      'action_needed',
      /launch instances.*denied/,
    ],
    [
      'the quota is too small',
      'vCPU quota',
      {},
      [quota(4)],
      'action_needed',
      /4 workers need 8 vCPUs; .*quota for all its instances is 4\./,
    ],
    [
      'the instance type has its own quota',
      'vCPU quota',
      { instanceTypes: 'p5.4xlarge' },
      [],
      'unknown',
      /has its own quota/,
    ],
  ])('reports when %s', async (_, check, changes, faults, status, words) => {
    const [finding] = await examine([check], changes, ...faults);
    expect(finding).toMatchObject({ check, status, message: expect.stringMatching(words) });
    if (status === 'action_needed') expect(finding?.hint).toMatch(/\w/);
  });

  it('checks the Auto Scaling group of a fleet "asg"', async () => {
    const client = createAutoScalingClient();
    const group = {
      AutoScalingGroupName: 'workers',
      MinSize: 0,
      MaxSize: 4,
      AvailabilityZones: ['us-east-1a'],
    };
    await client.send(
      new CreateAutoScalingGroupCommand({ ...group, LaunchTemplate: { LaunchTemplateName: 'workers' } }),
    );
    client.destroy();
    const asg = { fleet: 'asg', autoScalingGroup: 'workers' };
    const names = ['scaling group', 'vCPU quota'];
    const well = await examine(names, asg);
    expect(well).toMatchObject([
      { status: 'ok', message: 'workers: at most 4 instances, c7i.large' },
      { status: 'ok', message: expect.stringContaining('4 workers need 8 vCPUs') },
    ]);
    const [small] = await examine(names, { ...asg, max: 5 });
    expect(small).toMatchObject({
      status: 'action_needed',
      message: expect.stringContaining('at most 4 instances, but the fleet may need 5'),
    });
    const [gone] = await examine(names, { ...asg, autoScalingGroup: 'nowhere' });
    expect(gone).toMatchObject({ status: 'action_needed', message: expect.stringContaining('nowhere') });
  });

  it('checks the quota of the fleet as its controller has it: here spot first, with what "cluster set" changed', async () => {
    await writeReport(cloud.output, {
      v: 1,
      holder: 'someone',
      epoch: 1,
      updatedAtMs: Date.now(),
      driver: 'ec2',
      policy: 'backlog',
      min: 0,
      max: 20,
      settings: {
        max: { value: 20, from: 'cluster' },
        instanceTypes: { value: ['auto'], from: 'environment' },
      },
      target: 0,
      reason: 'the queues are empty',
      warnings: [],
      machines: [],
      measured: {},
    });
    try {
      expect(await examine(['vCPU quota'], {})).toMatchObject([
        {
          status: 'action_needed',
          message: "20 workers need 40 vCPUs; the account's spot quota for all its instances is 32.",
          hint: expect.stringMatching(/L-34B43A08 \(spot\).*lower --max to 16/),
        },
      ]);
    } finally {
      await cloud.output.delete([CONTROLLER_REPORT_KEY]);
    }
  });

  it('tolerates a missing launch permission while a controller is running', async () => {
    const denied = by('RunInstances', refuse(403, 'UnauthorizedOperation'));
    const findings = await examine(['controller', 'launch'], {}, denied);
    expect(findings.map(({ status }) => status)).toEqual(['ok', 'unknown']);
  });

  it('reports missing credentials once, and skips the other checks', async () => {
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']) vi.stubEnv(name, undefined);
    try {
      const [credentials, ...others] = await examine([], {});
      expect(credentials).toMatchObject({
        status: 'action_needed',
        message: expect.stringContaining('no usable AWS credentials'),
      });
      expect(new Set(others.map(({ status }) => status))).toEqual(new Set(['unknown']));
    } finally {
      for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
    }
  });

  it('checks other servers than AWS without asking AWS whose credentials these are', async () => {
    vi.stubEnv('AWS_ENDPOINT_URL', undefined);
    for (const name of ['AWS_ENDPOINT_URL_S3', 'AWS_ENDPOINT_URL_SQS']) vi.stubEnv(name, proxy?.url);
    try {
      const findings = await examine([], { launchTemplate: undefined });
      expect(findings.map(({ check, status }) => `${check} ${status}`)).toEqual([
        'credentials ok',
        'region ok',
        'clock unknown',
        'input bucket ok',
        'output bucket ok',
        'request queue ok',
        'response queue ok',
        'dead letters ok',
        'interactive ok',
        'objects ok',
        'model ok',
        'controller ok',
      ]);
      expect(findings[0]?.message).toBe(`access key testing for ${proxy?.url}`);
    } finally {
      for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
    }
  });

  it('accepts a model that only the cluster has, and checks no launch where nothing is launched', async () => {
    const [first] = await openModelLibrary(settings({})).find('efficientnet-lite0');
    const sha256 = 'a'.repeat(64);
    const manifest = { ...first?.manifest, name: 'mine', sha256, bytes: 4 };
    for (const [file, text] of Object.entries({
      'model.json': JSON.stringify(manifest),
      'model.onnx': 'onnx',
    }))
      await cloud.output.put(`${modelPrefix(sha256)}${file}`, Buffer.from(text));
    const findings = await examine([], { model: 'mine', fleet: 'none', max: undefined });
    expect(findings.find(({ check }) => check === 'model')).toMatchObject({
      status: 'ok',
      message: 'mine/int8 is in test-output, not installed here',
    });
    expect(findings.at(-1)?.check).toBe('controller');
  });

  it('exits with code 1 when an action is needed', async () => {
    const [first] = await openModelLibrary(settings({})).find('efficientnet-lite0');
    await cloud.output.delete([`${modelPrefix(first?.manifest.sha256 ?? '')}model.onnx`]);
    for (const fault of [quota(32), simulated('allowed'), controller()]) proxy?.inject(fault);
    const process = {
      ...env,
      IMGCLS_CLOUD: 'aws',
      IMGCLS_INPUT_BUCKET: 'test-input',
      IMGCLS_OUTPUT_BUCKET: 'test-output',
      IMGCLS_MODEL: 'efficientnet-lite0',
    };
    const bin = path.join(repository, 'bin/imgcls.js');
    const { code, stdout } = await start(bin, folder, ['doctor'], process).finished;
    expect(code).toBe(1);
    expect(stdout).toMatch(/^ok +Node +\d+\./m);
    expect(stdout).toMatch(
      /^TO DO +model +.*is installed here, but not in test-output\.\n\s+Run "imgcls model push efficientnet-lite0/m,
    );
    expect(stdout.match(/^TO DO/gm)).toHaveLength(1);
  });
});

describe('imgcls doctor of one machine', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'imgcls-doctor-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('runs the model once, and needs no cloud', async () => {
    const env = { IMGCLS_CLOUD: '', XDG_CONFIG_HOME: folder };
    const args = ['doctor', '--format', 'json'];
    const { code, stdout, stderr } = await start(path.join(repository, 'bin/imgcls.js'), folder, args, env)
      .finished;
    expect(code, stderr).toBe(0);
    const findings = JSON.parse(stdout);
    expect(findings.map(({ check, status }: Finding) => `${check} ${status}`)).toEqual([
      'settings ok',
      'Node ok',
      'memory ok',
      'data folder ok',
      'disk ok',
      'stored objects ok',
      'objects ok',
      'model ok',
      'runtime ok',
      'HEIC ok',
    ]);
    expect(findings.at(-2).message).toContain('efficientnet-lite0/int8');
  });

  it('reports a wrong setting, and the other checks', async () => {
    const env = { IMGCLS_CLOUD: 'aws', XDG_CONFIG_HOME: folder };
    const { code, stdout } = await start(path.join(repository, 'bin/imgcls.js'), folder, ['doctor'], env)
      .finished;
    expect(code).toBe(1);
    expect(stdout).toMatch(/^TO DO {2}settings .*\n\s+cloud aws needs inputBucket/);
    expect(stdout).toMatch(/^ok +memory/m);
  });
});

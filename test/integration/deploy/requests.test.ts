/**
 * Runs a cluster on a stack of the template, each part with the credentials of its role. The policies of the role must allow
 * every request, on that object or queue.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { EC2Client } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { TRIAL_KEY } from '../../../src/core/job/keys.ts';
import { type FaultProxy, type ProxiedRequest, startFaultProxy } from '../../contract/fault-proxy.ts';
import { type Moto, standInEnvironment, startMoto } from '../../contract/moto.ts';
import { until } from '../../contract/until.ts';
import { program } from '../../e2e/package.ts';
import { openCommands } from '../commands.ts';
import { makeStack, placeOf } from './moto-stack.ts';
import { statementsOf } from './policies.ts';
import { allows, needsOf } from './requests.ts';
import { readTemplate, resourcesWith, SUBMITTERS } from './template.ts';

const ROOT = path.join(import.meta.dirname, '../../..');
const SAMPLE = path.join(ROOT, 'samples/cat.jpg');
const moto: Moto | undefined = await startMoto();
const proxy: FaultProxy | undefined = moto && (await startFaultProxy(moto.url));

const children: ChildProcess[] = [];
let folder: string;
let cluster: Record<string, string>;
let buckets: Record<string, string>;

beforeAll(async () => {
  if (moto === undefined) return;
  for (const [name, value] of Object.entries(standInEnvironment(moto.url))) vi.stubEnv(name, value);
  folder = await mkdtemp(path.join(tmpdir(), 'imgcls-roles-'));
  const ec2 = new EC2Client({});
  const cloudFormation = new CloudFormationClient({});
  const place = await placeOf(ec2);
  const { outputs } = await makeStack(cloudFormation, 'imgcls-default', place);
  const { InputBucket = '', OutputBucket = '', LaunchTemplateId = '', ControllerFunctionName = '' } = outputs;
  buckets = { [InputBucket]: '<InputBucket.Arn>', [OutputBucket]: '<OutputBucket.Arn>' };
  cluster = {
    IMGCLS_CLOUD: 'aws',
    IMGCLS_INPUT_BUCKET: InputBucket,
    IMGCLS_OUTPUT_BUCKET: OutputBucket,
    IMGCLS_MODEL: 'efficientnet-lite0',
    IMGCLS_LAUNCH_TEMPLATE: LaunchTemplateId,
    IMGCLS_SUBNETS: String(place.SubnetIds),
    IMGCLS_CONTROLLER_FUNCTION: ControllerFunctionName,
  };
  ec2.destroy();
  cloudFormation.destroy();
});
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await proxy?.close();
  await moto?.close();
  if (folder) await rm(folder, { recursive: true, force: true });
  vi.unstubAllEnvs();
});

/** The environment of a program with the credentials of a role. The recorded requests contain them. */
const as = (role: string) => ({
  ...standInEnvironment(proxy?.url ?? ''),
  ...cluster,
  AWS_ACCESS_KEY_ID: role,
});

/** Starts the program with the credentials of a role. */
function run(role: string, ...args: string[]) {
  const child = spawn(process.execPath, [program(), ...args], {
    env: { ...process.env, ...as(role), IMGCLS_DATA_DIR: path.join(folder, role) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  let written = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      written += text;
    });
  const ended = once(child, 'exit');
  return {
    says: (what: RegExp) =>
      until(`${role} says ${what}`, async () => what.exec(written) ?? undefined, { timeoutMs: 60_000 }),
    async end() {
      child.kill('SIGTERM');
      const [code] = await ended;
      expect(code, written).toBe(0);
    },
  };
}

/** Runs the commands of a submitter, one after the other. */
async function openSubmitter() {
  const dataDir = path.join(folder, 'SubmitterRole');
  await mkdir(dataDir);
  const { run, close } = openCommands(dataDir, as('SubmitterRole'));
  const submit = async (...args: string[]) => {
    const { code, stdout, stderr } = await run(...args);
    expect(code, stderr).toBe(0);
    return stdout;
  };
  return { submit, close };
}

const launches = (): ProxiedRequest[] =>
  (proxy?.requests ?? []).filter(({ action }) => action === 'CreateFleet');

const roleOf = ({ headers }: ProxiedRequest): string =>
  /Credential=(\w+)\//.exec(String(headers.authorization))?.[1] ?? '';

describe.skipIf(proxy === undefined)('a cluster of the template', () => {
  it('sends only requests that its roles allow', async () => {
    const controller = run('ControllerRole', 'scale', '--min', '2', '--max', '2', '--drain-on-exit');
    const worker = run('WorkerRole', 'worker');
    const { submit, close } = await openSubmitter();
    const web = run('WebRole', 'serve', '--insecure', '--port', '0');
    await submit('model', 'push', 'efficientnet-lite0');
    expect(await submit('upload', SAMPLE, '--format', 'lines')).toContain('tiger cat');
    const [, address] = await web.says(/Listening on (\S+)/);
    const classified = await fetch(`${address}/v1/classify`, {
      method: 'POST',
      headers: { 'content-type': 'image/jpeg' },
      body: await readFile(SAMPLE),
    });
    expect(await classified.json()).toMatchObject({ label: 'tiger cat' });
    const form = new FormData();
    form.append('files', new Blob([await readFile(SAMPLE)]), 'cat.jpg');
    const job = await fetch(`${address}/v1/jobs`, {
      method: 'POST',
      body: form,
      headers: { 'idempotency-key': 'once' },
    });
    const { id } = (await job.json()) as { id: string };
    for (const question of [`jobs/${id}`, `jobs/${id}/images/0`, 'jobs', 'status'])
      expect((await fetch(`${address}/v1/${question}`)).status, question).toBe(200);
    await submit('results', id, '--wait');
    for (const command of [['status'], ['jobs'], ['dlq', 'list'], ['gc'], ['rm', id]])
      await submit(...command);
    await close();
    // One unmanaged worker is running.
    await until('the controller launches another', async () => launches().at(0));
    await web.end();
    await worker.end();
    await controller.end();

    // The trial write is only sent to an S3 server that is not AWS's, such as the one of this test.
    const requests = (proxy?.requests ?? []).filter(({ path: where }) => !where.includes(TRIAL_KEY));
    expect(new Set(requests.map(roleOf))).toEqual(
      new Set(['ControllerRole', 'WorkerRole', 'WebRole', 'SubmitterRole']),
    );
    expect(deniedOf(requests, roleOf)).toEqual([]);
    const wakes = requests.filter(({ path: where }) => where.includes('/invocations'));
    expect(new Set(wakes.map(roleOf))).toEqual(new Set(['WebRole', 'SubmitterRole']));
    expect(
      wakes.every(
        ({ headers, body }) =>
          headers['x-amz-invocation-type'] === 'Event' && body.toString() === '{"wake":true}',
      ),
    ).toBe(true);
    // The check can fail: a worker's role does not allow the requests of others.
    expect(deniedOf(requests, () => 'WorkerRole').length).toBeGreaterThan(20);
  });

  it('stores results and models only with if-none-match, as the buckets require', () => {
    const stored = (proxy?.requests ?? []).filter(
      ({ method, path: place }) => method === 'PUT' && /\/(results|models)\//.test(place),
    );
    expect(stored.length).toBeGreaterThan(3);
    expect(
      stored.filter(({ headers }) => headers['if-none-match'] !== '*').map(({ path: place }) => place),
    ).toEqual([]);
  });

  it('launches from its own template, with the tag that the policies require', () => {
    expect(launches().length).toBeGreaterThan(0);
    for (const { form } of launches()) {
      const fields = Object.fromEntries(form ?? []);
      expect(fields['LaunchTemplateConfigs.1.LaunchTemplateSpecification.LaunchTemplateId']).toBe(
        cluster.IMGCLS_LAUNCH_TEMPLATE,
      );
      for (const [n, type] of ['instance', 'volume'].entries()) {
        const specification = `TagSpecification.${n + 1}`;
        expect(fields[`${specification}.ResourceType`]).toBe(type);
        const [tag] = Object.entries(fields).find(([, value]) => value === 'imgcls:cluster') ?? [];
        expect(
          fields[tag?.replace(/^TagSpecification\.\d/, specification).replace(/Key$/, 'Value') ?? ''],
        ).toBe('default');
      }
    }
  });
});

function deniedOf(requests: readonly ProxiedRequest[], role: (request: ProxiedRequest) => string): string[] {
  const resources = resourcesWith(readTemplate(), { ...SUBMITTERS, WithWeb: 'true' });
  const denied = requests.flatMap((request) => {
    const statements = statementsOf(resources, role(request));
    return needsOf(request, buckets)
      .filter((need) => !allows(statements, need))
      .map(({ action, resource }) => `${role(request)} may not ${action} ${resource}`);
  });
  return [...new Set(denied)];
}

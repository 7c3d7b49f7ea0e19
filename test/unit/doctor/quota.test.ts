import { describe, expect, it } from 'vitest';
import { checkQuota } from '../../../src/doctor/quota.ts';

const QUOTAS = { spot: 5, 'on-demand': 32 };

describe('the vCPU quota of a fleet of four workers with two vCPUs each', () => {
  const check = (onDemandPercentage: number, quotas = QUOTAS) =>
    checkQuota({
      ec2: {
        template: async () => ({ instanceType: 'c7i.large' }),
        types: async (names) =>
          names.map((type) => ({ type, architectures: ['x86_64'], memoryBytes: 2 ** 32, vCpus: 2 })),
        imageArchitecture: async () => 'x86_64',
        rehearse: async () => {},
      },
      quotas: { standardVcpus: async (market) => quotas[market] },
      cluster: 'test',
      template: 'workers',
      instanceTypes: [],
      max: 4,
      onDemandPercentage,
      isControlled: () => false,
    });

  it('is that of spot instances where they come first, and names the code and the workers that it allows', async () => {
    expect(await check(0)).toEqual({
      status: 'action_needed',
      message: "4 workers need 8 vCPUs; the account's spot quota for all its instances is 5.",
      hint: 'Request more of L-34B43A08 (spot) in the Service Quotas console (Amazon EC2, standard instances), or lower --max to 2.',
    });
  });

  it('is that of on-demand instances without spot', async () => {
    expect(await check(100)).toMatchObject({
      status: 'ok',
      message: expect.stringContaining('on-demand quota for all its instances is 32'),
    });
  });

  it('is both for a fleet of both, and the smaller one limits it', async () => {
    const mixed = await check(25, { spot: 5, 'on-demand': 1 });
    expect(mixed.status).toBe('action_needed');
    expect(mixed.message).toContain('3 workers need 6 vCPUs');
    expect(mixed.message).toContain('1 worker needs 2 vCPUs');
    expect(mixed.hint).toContain('L-34B43A08 (spot) and L-1216C47A (on-demand)');
    expect(mixed.hint).toContain('lower --max to 2');
    expect(await check(25)).toMatchObject({ hint: expect.not.stringContaining('on-demand') });
  });
});

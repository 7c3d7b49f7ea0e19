import { describe, expect, it } from 'vitest';
import { inChunks } from '../../../src/aws/ec2-chunks.ts';
import { InstancesError } from '../../../src/core/aws-account/instances-error.ts';

const instances = (count: number) =>
  Array.from({ length: count }, (_, n) => `i-${String(n).padStart(6, '0')}`);

const refusal = (name: string, message: string) => Object.assign(new Error(message), { name });

/** An EC2 that takes at most 1,000 ids a call. `refuse` returns the error of a call, if it has one. */
function ec2(refuse: (ids: readonly string[]) => Error | undefined = () => undefined) {
  const done = new Set<string>();
  const sizes: number[] = [];
  let open = 0;
  let mostOpen = 0;
  const call = async (ids: string[]) => {
    mostOpen = Math.max(mostOpen, ++open);
    sizes.push(ids.length);
    await new Promise(setImmediate);
    open--;
    if (ids.length > 1000) throw refusal('InvalidParameterValue', 'Up to 1000 instance IDs.');
    const error = refuse(ids);
    if (error !== undefined) throw error;
    for (const id of ids) done.add(id);
  };
  const end = (ids: readonly string[]) => inChunks(ids, 'terminate instances (ec2:TerminateInstances)', call);
  return { end, done, sizes, mostOpen: () => mostOpen };
}

async function failure(promise: Promise<void>): Promise<InstancesError> {
  const error = await promise.catch((error: unknown) => error);
  expect(error).toBeInstanceOf(InstancesError);
  return error as InstancesError;
}

describe('a call for many instances', () => {
  it('is made for 500 of them at a time, four at once', async () => {
    const { end, done, sizes, mostOpen } = ec2();
    await end(instances(5001));
    expect(done.size).toBe(5001);
    expect(sizes).toEqual([...Array(10).fill(500), 1]);
    expect(mostOpen()).toBe(4);
  });

  it('is made again without those that EC2 names as unknown', async () => {
    const unknown = ['i-000007', 'i-000008'];
    const { end, done, sizes } = ec2((ids) => {
      const named = ids.filter((id) => unknown.includes(id));
      return named.length === 0
        ? undefined
        : refusal('InvalidInstanceID.NotFound', `The instance IDs '${named.join(', ')}' do not exist`);
    });
    await end(instances(600));
    expect(done.size).toBe(598);
    expect(sizes.toSorted()).toEqual([100, 498, 500]);
  });

  it('finds an unknown one that EC2 does not name in few calls', async () => {
    const { end, done, sizes } = ec2((ids) =>
      ids.includes('i-000123')
        ? refusal('InvalidInstanceID.NotFound', 'An instance does not exist')
        : undefined,
    );
    await end(instances(500));
    expect(done.size).toBe(499);
    expect(sizes.length).toBeLessThan(20);
  });

  it('is done for all others, and names those that EC2 refuses, each reason once', async () => {
    const { end, done } = ec2((ids) =>
      ids.includes('i-000003')
        ? refusal('OperationNotPermitted', "The instance 'i-000003' may not be terminated")
        : undefined,
    );
    const error = await failure(end(instances(1200)));
    expect(done.size).toBe(1199);
    expect([...error.ids]).toEqual(['i-000003']);
    expect(error.message).toBe(
      "Could not terminate instances (ec2:TerminateInstances): The instance 'i-000003' may not be terminated. This concerns i-000003, of 1200.",
    );
    expect(error.kind).toBe('permanent');
  });

  it('is not made for the rest once EC2 throttles it', async () => {
    let calls = 0;
    const { end, done, sizes } = ec2(() =>
      ++calls > 2 ? refusal('RequestLimitExceeded', 'Request limit exceeded.') : undefined,
    );
    const error = await failure(end(instances(10_000)));
    expect(done.size).toBe(1000);
    expect(sizes.length).toBeLessThan(10);
    expect(error.ids.size).toBe(9000);
    expect(error.kind).toBe('transient');
    expect(error.message).toContain('Request limit exceeded. This concerns i-00');
    expect(error.message).toContain('and 8995 more, of 10000.');
  });
});

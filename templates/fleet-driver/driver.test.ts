import { describe, expect, it } from 'vitest';
import { describeFleetDriver } from '../../test/contract/fleet-suite.ts';
import { createRentedFleet } from './driver.ts';
import { pretendProvider, refused } from './pretended-api.ts';

describeFleetDriver('rented machines', async () => {
  const api = pretendProvider();
  return { driver: () => createRentedFleet({ api }), release: async () => {} };
});

describe('rented machines', () => {
  it('counts every requested machine once, started or not, with the reason', async () => {
    const driver = createRentedFleet({ api: pretendProvider({ capacity: 2 }) });
    const answer = await driver.launch({ count: 5, decision: '1-1' });
    expect(answer).toEqual({ started: ['m-1', 'm-2'], retryable: { count: 3, why: 'no machine is free' } });
  });

  it('says when only a person can help', async () => {
    const api = pretendProvider();
    api.failNext(refused());
    const answer = await createRentedFleet({ api }).launch({ count: 2, decision: '1-1' });
    expect(answer).toMatchObject({ started: [], permanent: { count: 2 } });
  });

  it('starts no second machine when the answer of a launch was lost', async () => {
    const api = pretendProvider();
    const driver = createRentedFleet({ api });
    await driver.launch({ count: 1, decision: '1-1' });
    api.failNext(new Error('socket hang up'));
    await expect(driver.launch({ count: 1, decision: '1-2' })).rejects.toMatchObject({ kind: 'transient' });
    await driver.launch({ count: 1, decision: '1-1' });
    expect(await driver.members()).toHaveLength(1);
  });
});

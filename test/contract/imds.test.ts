/** The client of the instance metadata service, over a stand-in. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MetadataService, untilReclaimed } from '../../src/aws/imds.ts';
import { virtualClock } from '../unit/virtual-clock.ts';
import { type StandInMetadata, startStandInMetadata } from './stand-in-metadata.ts';

const DOCUMENT = {
  instanceId: 'i-0123456789abcdef0',
  instanceType: 'c7i.large',
  region: 'us-east-1',
  pendingTime: '2026-11-24T08:00:00Z',
};

let standIn: StandInMetadata;
let service: MetadataService;

beforeEach(async () => {
  standIn = await startStandInMetadata(DOCUMENT);
  service = new MetadataService(standIn.url);
});
afterEach(() => standIn.close());

let rebalances = 0;
const until = (signal = new AbortController().signal) =>
  untilReclaimed(service, { clock: virtualClock(), signal, onRebalance: () => rebalances++ });

describe('the instance metadata service', () => {
  it('returns the identity of the instance and its launch time', async () => {
    expect(await service.identity(virtualClock())).toMatchObject({
      instanceId: DOCUMENT.instanceId,
      pendingTime: new Date(DOCUMENT.pendingTime),
    });
  });

  it('returns no identity on other machines, without an error', async () => {
    standIn.close();
    expect(await service.identity(virtualClock())).toBeUndefined();
    expect(MetadataService.of({ AWS_EC2_METADATA_DISABLED: 'true' })).toBeUndefined();
  });

  it('retries if the service does not respond right after boot', async () => {
    standIn.outages = 2;
    expect(await service.identity(virtualClock())).toMatchObject({ instanceId: DOCUMENT.instanceId });
  });

  it('keeps polling despite errors of the service', async () => {
    standIn.answers['/latest/meta-data/spot/instance-action'] = '{}';
    standIn.outages = 3;
    expect(await until()).toBe(true);
  });

  it('detects a spot interruption notice', async () => {
    expect(await service.notice()).toBeUndefined();
    standIn.answers['/latest/meta-data/spot/instance-action'] =
      '{"action":"terminate","time":"2026-11-24T09:00:00Z"}';
    expect(await until()).toBe(true);
  });

  it('goes on polling after a rebalance recommendation, of which it tells once', async () => {
    rebalances = 0;
    standIn.answers['/latest/meta-data/events/recommendations/rebalance'] =
      '{"noticeTime":"2026-11-24T09:00:00Z"}';
    let polls = 0;
    const counted = {
      async notice() {
        if (++polls === 5) standIn.answers['/latest/meta-data/spot/instance-action'] = '{}';
        return await service.notice();
      },
    };
    const { signal } = new AbortController();
    const watch = { clock: virtualClock(), signal, onRebalance: () => rebalances++ };
    expect(await untilReclaimed(counted, watch)).toBe(true);
    expect({ polls, rebalances }).toEqual({ polls: 5, rebalances: 1 });
  });

  it('fetches a new token after the old one has expired', async () => {
    await service.identity(virtualClock());
    standIn.tokens.clear();
    standIn.tokens.add('another');
    standIn.answers['/latest/meta-data/spot/instance-action'] = '{}';
    expect(await until()).toBe(true);
  });

  it('stops polling when the worker ends', async () => {
    const ending = new AbortController();
    ending.abort();
    expect(await until(ending.signal)).toBe(false);
  });
});

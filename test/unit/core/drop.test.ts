import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Cloud } from '../../../src/core/cloud/ports.ts';
import { type Drop, dropsOf, findDropAt, findDropped, writeDropped } from '../../../src/core/drop/drop.ts';
import { type Notification, parseMessage } from '../../../src/core/drop/notification.ts';
import { anyJobId } from '../../../src/core/job/job.ts';
import { dropJobOf, isDropJob, jobTimeMs, newerFirst } from '../../../src/core/job/job-ids.ts';
import { shardKey } from '../../../src/core/job/keys.ts';
import type { Outcome } from '../../../src/core/model/outcome.ts';
import { NewerVersionError, PoisonError } from '../../../src/core/runtime/errors.ts';
import { makeClouds, type TestClouds } from '../../contract/local-cloud.ts';
import {
  droppedEvent,
  eventBridgeEvent,
  notificationOf,
  TEST_EVENT,
  throughSns,
} from '../../contract/notifications.ts';

const BUCKET = 'images-of-ours';
const never = new AbortController().signal;

function notificationIn(body: string): Notification {
  const message = parseMessage(body);
  if (!('notification' in message)) throw new Error('It is a request.');
  return message.notification;
}

const read = (...events: object[]) => dropsOf(notificationIn(notificationOf(...events)), BUCKET);
const event = (changes: Parameters<typeof droppedEvent>[0] = {}) =>
  droppedEvent({ bucket: BUCKET, ...changes });

function oneDrop(changes: Parameters<typeof droppedEvent>[0] = {}): Drop {
  const [drop] = read(event(changes)).drops;
  if (drop === undefined) throw new Error('Nothing was dropped.');
  return drop;
}

describe('an S3 notification', () => {
  it('is a dropped image of its day, with its name below drop/ and an index of its second', () => {
    const drop = oneDrop({ key: 'drop/a+b/%C3%A4+%2B.jpg', eventTime: '2026-11-26T00:01:40.250Z' });
    expect(drop).toMatchObject({
      job: 'drop-2026-11-26',
      name: 'a b/ä +.jpg',
      key: 'drop/a b/ä +.jpg',
      bucket: BUCKET,
      version: { etag: 'e1', sequencer: '0055' },
    });
    expect(Math.floor(drop.index / 10_000)).toBe(100);
  });

  it('gives each event one index, and spreads the indexes of a second', () => {
    expect(oneDrop()).toEqual(oneDrop());
    const places = Array.from({ length: 500 }, (_, n) => oneDrop({ key: `drop/${n}.jpg` }).index);
    // By chance a dozen of 500 share one.
    expect(new Set(places).size).toBeGreaterThan(470);
  });

  it('stays within nine digits until the last instant of a day', () => {
    for (let n = 0; n < 50; n++) {
      const { index } = oneDrop({ key: `drop/${n}`, eventTime: '2026-11-26T23:59:59.999Z' });
      expect(index).toBeLessThan(864_000_000);
    }
  });

  it('is the same through a topic of SNS and through EventBridge', () => {
    const encoded = droppedEvent({ key: 'drop/a+%2B%C3%A4.jpg', eventTime: '2026-11-26T07:31:02Z' });
    const direct = dropsOf(notificationIn(notificationOf(encoded)), 'bucket');
    const messages = [
      throughSns(notificationOf(encoded)),
      eventBridgeEvent('drop/a +ä.jpg'),
      throughSns(eventBridgeEvent('drop/a +ä.jpg')),
    ];
    expect(direct.drops).toHaveLength(1);
    for (const message of messages)
      expect(dropsOf(notificationIn(message), 'bucket').drops).toEqual(direct.drops);
    expect(dropsOf(notificationIn(throughSns(TEST_EVENT)), 'bucket').drops).toEqual([]);
    for (const type of ['Object Deleted', 'Object Tags Added'])
      expect(dropsOf(notificationIn(eventBridgeEvent('drop/a.jpg', type)), 'bucket').drops).toEqual([]);
    expect(() => parseMessage(throughSns('Hello.'))).toThrow(PoisonError);
  });

  it('at set-up is a test event without images', () => {
    expect(dropsOf(notificationIn(TEST_EVENT), BUCKET)).toEqual({ drops: [], unwanted: [] });
  });

  it.each([
    ['an object that went', { eventName: 'ObjectRemoved:Delete', eTag: undefined }],
    ['tags', { eventName: 'ObjectTagging:Put' }],
    ['what a submitter stored', { key: 'images/ab/abcd' }],
    ['a prefix that only looks alike', { key: 'drop.jpg' }],
    ['a folder that a console made', { key: 'drop/holiday/' }],
    ['the folder itself', { key: 'drop/' }],
  ])('of %s is not a dropped image', (_, changes) => {
    const { drops, unwanted } = read(event(changes), event());
    expect(drops).toHaveLength(1);
    expect(unwanted).toHaveLength(1);
  });

  it.each([
    ['another bucket', { bucket: 'of-somebody-else' }],
    ['a key that is not URL-encoded', { key: 'drop/100%.jpg' }],
    ['a key that no bucket has', { key: `drop/${'x'.repeat(1024)}` }],
    ['no version', { eTag: undefined }],
    ['no time', { eventTime: 'yesterday' }],
    ['a time that no event has', { eventTime: '0001-01-01T00:00:00.000Z' }],
    ['another major version', { eventVersion: '3.0' }],
    ['another service', { eventSource: 'aws:sns' }],
  ])('of %s is a poison message', (_, changes) => {
    expect(() => read(event(changes))).toThrow(PoisonError);
  });

  it('with more events than S3 sends is a poison message', () => {
    expect(() => read(...Array.from({ length: 17 }, () => event()))).toThrow(PoisonError);
    expect(() => read()).toThrow(PoisonError);
  });

  it('is distinguished from a request message', () => {
    expect(() => parseMessage('hello')).toThrow('The request message is not JSON.');
    expect(() => parseMessage('{"v":1,"job":7}')).toThrow(/request message has the wrong format: job/);
    expect(() => parseMessage('null')).toThrow(PoisonError);
    expect(() => parseMessage('{"v":5}')).toThrow(NewerVersionError);
    expect(() => parseMessage('{"Event":"s3:Other"}')).toThrow(/S3 notification has the wrong format/);
  });
});

describe('a day of dropped images', () => {
  it.each(['drop-2026-11-26', 'drop-2024-02-29'])('is the job id %s', (id) => {
    expect(isDropJob(id)).toBe(true);
    expect(anyJobId.safeParse(id).success).toBe(true);
    expect(dropJobOf(jobTimeMs(id))).toBe(id);
  });

  it.each([
    'drop-2026-02-30',
    'drop-2026-1-1',
    'drop-',
    '2026-11-26',
    '01ARZ3NDEKTSV4RRFFQ69G5FAV',
    'drop-x/../y',
  ])('is not the id %s', (id) => expect(isDropJob(id)).toBe(false));

  it('sorts among jobs by its begin', () => {
    const early = '01ARZ3NDEKTSV4RRFFQ69G5FAV';
    const days = ['drop-2016-07-31', 'drop-2015-01-01'];
    expect(new Date(jobTimeMs(early)).toISOString()).toMatch(/^2016-07-30/);
    expect(['drop-2015-01-01', early, 'drop-2016-07-31'].sort(newerFirst)).toEqual([days[0], early, days[1]]);
  });
});

describe('the ledger of dropped images', () => {
  let clouds: TestClouds;
  let cloud: Cloud;
  beforeEach(async () => {
    clouds = await makeClouds();
    cloud = clouds.open();
  });
  afterEach(() => clouds.release());

  const labelled = (drop: Drop, label: string): Outcome => ({
    v: 1,
    index: drop.index,
    name: drop.name,
    labels: [{ wnid: 'n0', label, score: 1 }],
    ms: 1,
    model: 'stub',
  });
  const write = (drop: Drop, label: string) => writeDropped(cloud.output, drop, labelled(drop, label), never);
  const labelAt = async (index: number) => {
    const { body } = await cloud.output.get(
      shardKey('drop-2026-11-26', { attempt: 1, first: index, last: index }),
    );
    return JSON.parse(new TextDecoder().decode(body)).labels[0].label;
  };

  it('has one outcome for an event, although several writers repeat it', async () => {
    const drop = oneDrop();
    const written = await Promise.all([write(drop, 'a'), write(drop, 'b'), write(drop, 'c')]);
    expect(written.filter(({ isOurs }) => isOurs)).toHaveLength(1);
    const [one, ...others] = written.map(({ shard }) => shard.outcomes);
    for (const other of others) expect(other).toEqual(one);
    expect((await findDropped(cloud.output, drop, never))?.outcomes).toEqual(written[0]?.shard.outcomes);
  });

  it('uses the next index if one is taken, and finds the outcome there', async () => {
    const first = oneDrop();
    const others = ['x', 'y', 'z'].map((name): Drop => ({ ...first, name, key: `drop/${name}` }));
    const all = [first, ...others];
    await Promise.all(all.map((drop) => write(drop, drop.name)));
    await Promise.all(all.map((drop) => write(drop, 'again')));
    const labels = await Promise.all(all.map((_, place) => labelAt(first.index + place)));
    expect(labels.toSorted()).toEqual(all.map(({ name }) => name).toSorted());
    for (const drop of all) {
      const found = await findDropped(cloud.output, drop, never);
      expect(found?.outcomes?.[0]).toMatchObject({ name: drop.name, index: found?.range.first });
    }
    expect(await findDropped(cloud.output, { ...first, name: 'never dropped' }, never)).toBeUndefined();
  });

  it('has an outcome for each version of a key', async () => {
    await write(oneDrop(), 'before');
    const { isOurs } = await write(oneDrop({ eTag: 'e2', sequencer: '0056' }), 'after');
    expect(isOurs).toBe(true);
  });

  it('has the location of an image, pinned to its version', async () => {
    const drop = oneDrop({ key: 'drop/a/b.jpg' });
    await write(drop, 'a');
    const at = { job: drop.job, index: drop.index };
    expect(await findDropAt(cloud, at)).toEqual({
      bucket: cloud.input.bucket,
      key: 'drop/a/b.jpg',
      etag: 'e1',
    });
    expect(await findDropAt(cloud, { ...at, index: drop.index + 1 })).toBeUndefined();
  });
});

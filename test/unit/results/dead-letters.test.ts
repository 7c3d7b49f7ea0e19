import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deadLetterJson, deadLettersText, deadLetterText } from '../../../src/cli/dlq/dlq-text.ts';
import { UNBOUNDED } from '../../../src/cli/terminal/screen.ts';
import type { Cloud } from '../../../src/core/cloud/ports.ts';
import type { DeadLetter } from '../../../src/core/job/dead-letter.ts';
import { deadLetterKey, requestQueueName, shardKey } from '../../../src/core/job/keys.ts';
import { REQUEST_FORMAT, type RequestMessage } from '../../../src/core/job/messages.ts';
import { ObjectMissingError } from '../../../src/core/runtime/errors.ts';
import {
  byJob,
  jobOf,
  type KeptDeadLetter,
  newestFirst,
  readDeadLetter,
  readDeadLetters,
  redriveMessages,
  removeDeadLetters,
  requestOf,
  withMissingOutcomes,
} from '../../../src/results/dead-letter-records.ts';
import { CLUSTER, makeClouds, type TestClouds } from '../../contract/local-cloud.ts';

const JOB = '01ARZ3NDEKTSV4RRFFQ69G5FAV';
const OTHER_JOB = '01BX5ZZKBKACTAV9WEVGEMMVRZ';
const model = { name: 'stub', version: '1', variant: 'fp32', sha256: 'ab'.repeat(32) } as const;

const bodyOf = (indexes: readonly number[], changes: Partial<RequestMessage> = {}): string =>
  JSON.stringify({
    v: 1,
    job: JOB,
    attempt: 1,
    model,
    topK: 1,
    images: indexes.map((index) => ({ index, name: `${index}.jpg`, bucket: 'b', key: `k/${index}` })),
    ...changes,
  });

const letterOf = (messageId: string, changes: Partial<DeadLetter> = {}): DeadLetter => ({
  v: 1,
  messageId,
  receivedAtMs: 1000,
  sentAtMs: 500,
  tries: 20,
  why: 'Its batch was never finished.',
  body: bodyOf([0, 1]),
  job: JOB,
  ...changes,
});

const unreadable: KeptDeadLetter = {
  messageId: 'torn',
  unreadable: 'The dead letter is not JSON.',
  text: '{"v":1,',
};

describe('the job of a dead letter', () => {
  it('is that of its request', () => {
    expect(requestOf(letterOf('a'))?.images.map(({ name }) => name)).toEqual(['0.jpg', '1.jpg']);
  });

  it.each([
    ['is no JSON', 'no request at all'],
    ['is of a newer imgcls', bodyOf([0]).replace('"v":1', `"v":${REQUEST_FORMAT + 1}`)],
    ['has images that no worker takes together', bodyOf([0, 7])],
  ])('is unknown if the message %s', (_, body) => {
    expect(requestOf({ body })).toBeUndefined();
  });

  it("is the request's job if the message has no group", () => {
    const { job: _unsaid, ...letter } = letterOf('a');
    expect(jobOf(letter)).toBe(JOB);
    expect(jobOf({ ...letter, body: 'no request at all' })).toBeUndefined();
    expect(jobOf(unreadable)).toBeUndefined();
  });

  it('is grouped by job, each image once, without unreadable letters', () => {
    const jobs = byJob([
      letterOf('a', { body: bodyOf([0, 1]) }),
      letterOf('b', { body: bodyOf([5], { job: OTHER_JOB }) }),
      letterOf('c', { body: bodyOf([1, 2]) }),
      letterOf('d', { body: 'no request at all' }),
    ]);
    expect(
      jobs.map(({ job, letters, indexes }) => [job, letters.map((one) => one.messageId), [...indexes]]),
    ).toEqual([
      [JOB, ['a', 'c'], [0, 1, 2]],
      [OTHER_JOB, ['b'], [5]],
    ]);
  });
});

describe('a list of dead letters', () => {
  it('starts with the newest and ends with unreadable ones', () => {
    const letters = [letterOf('old'), unreadable, letterOf('new', { receivedAtMs: 2000 })];
    expect(newestFirst(letters).map(({ messageId }) => messageId)).toEqual(['new', 'old', 'torn']);
  });

  it('has time, job, images, receive count and reason, and marks unreadable ones', () => {
    const letters = [
      letterOf('a'),
      letterOf('b', { body: 'no request at all', tries: 1, why: 'Not JSON.\nAt all.' }),
      unreadable,
    ];
    expect(deadLettersText(letters, 'table', UNBOUNDED).split('\n')).toEqual([
      'message  received                  job                         images  receives  reason',
      `a        1970-01-01T00:00:01.000Z  ${JOB}  0-1     20        Its batch was never finished.`,
      `b        1970-01-01T00:00:01.000Z  ${JOB}  -       1         Not JSON.`,
      'torn     cannot be read: The dead letter is not JSON.',
      '',
    ]);
    expect(deadLettersText(letters, 'lines', UNBOUNDED).split('\n')).toEqual([
      `a, 1970-01-01T00:00:01.000Z, ${JOB}, 0-1, 20, Its batch was never finished.`,
      `b, 1970-01-01T00:00:01.000Z, ${JOB}, -, 1, Not JSON.`,
      'torn, cannot be read: The dead letter is not JSON.',
      '',
    ]);
  });

  it('is JSON for programs, also when it is empty', () => {
    const letters = [letterOf('a'), unreadable];
    expect(JSON.parse(deadLettersText(letters, 'json', UNBOUNDED))).toEqual(letters);
    const rows = deadLettersText(letters, 'ndjson', UNBOUNDED).trimEnd().split('\n');
    expect(rows.map((row) => JSON.parse(row))).toEqual(letters);
    expect(JSON.parse(deadLettersText([], 'json', UNBOUNDED))).toEqual([]);
    expect(deadLettersText([], 'ndjson', UNBOUNDED)).toBe('');
    expect(deadLettersText([], 'lines', UNBOUNDED)).toBe('');
    expect(deadLettersText([], 'table', UNBOUNDED)).toBe('No dead letters.\n');
  });

  it('has a dash for an invalid time', () => {
    expect(deadLettersText([letterOf('a', { receivedAtMs: 1e300 })], 'lines', UNBOUNDED)).toMatch(/^a, -, /);
  });
});

describe('a dead letter in full', () => {
  it('lists its images, for people', () => {
    expect(deadLetterText(letterOf('a')).split('\n')).toEqual([
      'message   a',
      `job       ${JOB}`,
      'sent      1970-01-01T00:00:00.500Z',
      'received  1970-01-01T00:00:01.000Z',
      'receives  20',
      'reason    Its batch was never finished.',
      'attempt   1',
      'model     stub/fp32',
      'images    0-1',
      '',
      '0  0.jpg',
      '1  1.jpg',
      '',
    ]);
  });

  it('is its text if it is unreadable', () => {
    expect(deadLetterText(letterOf('a', { body: 'one\ntwo' }))).toMatch(/\n\none\ntwo\n$/);
    expect(deadLetterText(unreadable)).toMatch(/not JSON\.\n\n\{"v":1,\n$/);
  });

  it('is JSON with its request for programs', () => {
    expect(JSON.parse(deadLetterJson(letterOf('a')))).toMatchObject({
      tries: 20,
      request: { images: [{ name: '0.jpg' }, { name: '1.jpg' }] },
    });
    expect(JSON.parse(deadLetterJson(unreadable))).toEqual(unreadable);
  });

  it('cannot send control characters to the terminal', () => {
    const evil = letterOf('a', { why: 'red \u001b[31m', body: 'bell \u0007' });
    const texts = [
      deadLetterText(evil),
      deadLetterJson(evil),
      deadLettersText([evil], 'table', UNBOUNDED),
      deadLettersText([evil], 'lines', UNBOUNDED),
    ];
    for (const text of texts) expect(text).not.toMatch(/[\u0007\u001b]/);
  });
});

describe('the records of dead letters', () => {
  let clouds: TestClouds;
  let cloud: Cloud;
  beforeEach(async () => {
    clouds = await makeClouds();
    cloud = clouds.open();
  });
  afterEach(() => clouds.release());

  const keep = (id: string, text: string) => cloud.output.put(deadLetterKey(id), Buffer.from(text));
  const idsKept = async () =>
    (await Array.fromAsync(readDeadLetters(cloud.output), ({ messageId }) => messageId)).sort();

  it('are all listed, including an invalid one and one of a newer imgcls', async () => {
    await keep('good', JSON.stringify(letterOf('good')));
    await keep('torn', '{"v":1,');
    await keep('newer', '{"v":2}');
    const found = await Array.fromAsync(readDeadLetters(cloud.output));
    expect(found).toHaveLength(3);
    expect(found).toContainEqual(letterOf('good'));
    expect(found).toContainEqual({
      messageId: 'torn',
      unreadable: expect.stringMatching(/not JSON/),
      text: '{"v":1,',
    });
    expect(found).toContainEqual({
      messageId: 'newer',
      unreadable: expect.stringMatching(/format 2/),
      text: '{"v":2}',
    });
  });

  it('are listed although one is deleted meanwhile', async () => {
    await keep('a', JSON.stringify(letterOf('a')));
    await keep('b', JSON.stringify(letterOf('b')));
    const get = cloud.output.get.bind(cloud.output);
    cloud.output.get = async (key, options) => {
      if (key === deadLetterKey('a')) await cloud.output.delete([key]);
      return await get(key, options);
    };
    expect(await idsKept()).toEqual(['b']);
  });

  it('are not reported as unreadable while the store is down', async () => {
    await keep('a', JSON.stringify(letterOf('a')));
    cloud.output.get = () => Promise.reject(new Error('The store is down.'));
    await expect(idsKept()).rejects.toThrow('down');
  });

  it('are gone after they are deleted', async () => {
    await keep('a', JSON.stringify(letterOf('a')));
    await removeDeadLetters(cloud.output, [letterOf('a')]);
    await expect(readDeadLetter(cloud.output, 'a')).rejects.toThrow(ObjectMissingError);
    expect(await idsKept()).toEqual([]);
  });

  it('have missing outcomes until each image has an outcome of their attempt or a later one', async () => {
    const letters = [
      letterOf('a', { body: bodyOf([2, 3], { attempt: 2 }) }),
      letterOf('poison', { body: 'hello' }),
    ];
    const answer = (attempt: number, first: number, last: number) =>
      cloud.output.put(shardKey(JOB, { attempt, first, last }), new Uint8Array());
    const left = async () =>
      (await withMissingOutcomes(cloud.output, letters)).map(({ messageId }) => messageId);
    expect(await left()).toEqual(['a']);
    await answer(1, 0, 15);
    await answer(2, 2, 2);
    await answer(2, 4, 9);
    expect(await left()).toEqual(['a']);
    await answer(3, 3, 3);
    expect(await left()).toEqual([]);
  });

  it('are redriven to the request queue unchanged, in the message group of their job', async () => {
    const queue = await cloud.queues.create(requestQueueName(CLUSTER));
    await redriveMessages(cloud, { job: JOB, letters: [letterOf('a')] });
    const [message] = await queue.receive({ max: 10, waitMs: 0, leaseMs: 1000 });
    expect(message).toMatchObject({ body: bodyOf([0, 1]), groupId: JOB, receiveCount: 1 });
  });
});

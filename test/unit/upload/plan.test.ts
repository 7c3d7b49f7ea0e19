import { describe, expect, it } from 'vitest';
import { batchCount, batchEnd } from '../../../src/core/job/batches.ts';
import type { RequestImage } from '../../../src/core/job/job.ts';
import { MAX_MESSAGE_BYTES, parseRequest } from '../../../src/core/job/messages.ts';
import { toRequests } from '../../../src/core/job/requests.ts';
import { ResponseAddress } from '../../../src/core/job/responses.ts';
import { rangeOf } from '../../../src/core/job/shard.ts';
import { MAX_PART, partCount, partSize } from '../../../src/upload/plan.ts';

const sha256 = 'ab'.repeat(32);
const header = {
  job: '01ARZ3NDEKTSV4RRFFQ69G5FAV',
  attempt: 1,
  model: { name: 'resnet50', version: '1', variant: 'int8', sha256 },
  topK: 5,
  replyTo: 'imgcls-default-resp-1',
} as const;
const images = (count: number, name = 'a.jpg'): RequestImage[] =>
  Array.from({ length: count }, (_, index) => ({
    index,
    name,
    bucket: 'input',
    key: `images/ab/${sha256}`,
    sha256,
  }));

const requests = (given: readonly RequestImage[]) =>
  toRequests(header, given).map(({ body }) => parseRequest(body));
const sizes = (given: readonly RequestImage[]) => requests(given).map((request) => request.images.length);

describe('the plan of a submission', () => {
  it('starts with one batch, so that work starts at once, and doubles', () => {
    expect([0, 1, 2, 3].map(partSize)).toEqual([16, 32, 64, 128]);
    expect(partSize(1000)).toBe(MAX_PART);
  });

  it('makes about a thousand parts of a million images', () => {
    expect(partCount(1_000_000)).toBeLessThan(1000);
    expect([1, 16, 17, 48, 49].map(partCount)).toEqual([1, 1, 2, 2, 3]);
  });

  it('puts consecutive images into messages that grow with the job, and loses none', () => {
    expect(sizes(images(40))).toEqual([16, 16, 8]);
    expect(sizes(images(1000))).toEqual([
      ...Array(7).fill(16),
      ...Array(12).fill(32),
      ...Array(7).fill(64),
      56,
    ]);
    expect(requests(images(1000)).flatMap((request) => request.images.map(({ index }) => index))).toEqual(
      images(1000).map(({ index }) => index),
    );
  });

  it('asks for responses for the first batches of a submission, and tells its waiter when there are more', () => {
    const responses = new ResponseAddress('imgcls-default-resp-1', 20);
    const { replyTo: _replyTo, ...unanswered } = header;
    const asked = (given: readonly RequestImage[]) =>
      toRequests(unanswered, given, responses).map(({ body }) => parseRequest(body).replyTo !== undefined);
    expect(asked(images(496)).every(Boolean)).toBe(true);
    expect(responses.exhausted.aborted).toBe(false);
    expect(asked(images(1000).slice(496))).toEqual([true, false, false, false, false, false, false, false]);
    expect(responses.exhausted.aborted).toBe(true);
  });

  it('gives a message the oldest format whose readers can work on all of its images', () => {
    const inLargePack = images(3).map((image, at) => ({ ...image, ...(at === 2 && { v: 2 as const }) }));
    const formatOf = (given: readonly RequestImage[]) => requests(given).map(({ v }) => v);
    expect(formatOf(images(3))).toEqual([1]);
    expect(formatOf(images(113).slice(112 - 1)), 'a small batch, then one that could be large').toEqual([
      1, 1,
    ]);
    expect(formatOf(images(1000)).at(-1), 'a large batch').toBe(2);
    expect(formatOf(inLargePack), 'a pack that older workers take for an image that is too large').toEqual([
      3,
    ]);
  });

  it('puts an image that is sent again into the same message, whatever else is sent', () => {
    const all = images(1000);
    expect(requests(all.slice(176)).map(rangeOf)).toEqual(requests(all).map(rangeOf).slice(9));
    expect(sizes(all.filter(({ index }) => index >= 500 && index !== 600))).toEqual([
      60,
      40,
      23,
      ...Array(5).fill(64),
      56,
    ]);
  });

  it('ends a message where a part of the manifest ends', () => {
    let first = 0;
    for (let part = 0; part < 12; part++) {
      const end = first + partSize(part);
      expect(batchEnd(end - 1), `part ${part}`).toBe(end);
      first = end;
    }
  });

  it('has a newer format only where an older imgcls could not read a message', () => {
    expect(
      requests(images(1000)).map(({ v, images: { length } }) => v === (length > 16 ? 2 : 1)),
    ).not.toContain(false);
    expect(new Set(requests(images(1000)).map(({ v }) => v))).toEqual(new Set([1, 2]));
  });

  it('counts the messages of a job', () => {
    for (const count of [0, 1, 16, 17, 112, 113, 500, 1000, 5000])
      expect(batchCount(count), `${count} images`).toBe(requests(images(count)).length);
  });

  it('gives a message of 64 images four turns of its job', () => {
    expect(toRequests(header, images(600)).map(({ turns }) => turns)).toEqual([
      ...Array(7).fill(1),
      ...Array(12).fill(2),
      4,
      3,
    ]);
  });

  it('stays below the maximum message size with the longest names', () => {
    // A control character is the worst: six bytes of JSON for one of a name.
    const messages = toRequests(header, images(600, '\u0001'.repeat(1024)));
    expect(messages.every(({ body }) => Buffer.byteLength(body) <= MAX_MESSAGE_BYTES)).toBe(true);
    expect(messages.map(({ body }) => parseRequest(body)).flatMap((message) => message.images)).toHaveLength(
      600,
    );
  });

  it('escapes characters in names that SQS refuses', () => {
    const name = 'odd \uFFFE\uFFFF.jpg';
    const [{ body = '' } = {}] = toRequests(header, images(1, name));
    expect(body).not.toMatch(/[\uFFFE\uFFFF]/);
    expect(parseRequest(body).images[0]?.name).toBe(name);
  });

  it('has no message without images', () => {
    expect(toRequests(header, [])).toEqual([]);
  });
});

import { describe, expect, it } from 'vitest';
import type { RequestImage } from '../../../src/core/job/job.ts';
import { MAX_MESSAGE_BYTES, parseRequest } from '../../../src/core/job/messages.ts';
import { toRequests } from '../../../src/core/job/requests.ts';
import { MAX_PART, partSize } from '../../../src/upload/plan.ts';

const sha256 = 'ab'.repeat(32);
const header = {
  v: 1,
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

describe('the plan of a submission', () => {
  it('starts with one batch, so that work starts at once, and doubles', () => {
    expect([0, 1, 2, 3].map(partSize)).toEqual([16, 32, 64, 128]);
    expect(partSize(1000)).toBe(MAX_PART);
  });

  it('makes about a thousand parts of a million images', () => {
    let left = 1_000_000;
    let parts = 0;
    while (left > 0) left -= partSize(parts++);
    expect(parts).toBeLessThan(1000);
  });

  it('puts at most 16 consecutive images into a message, and loses none', () => {
    const messages = toRequests(header, images(40)).map(parseRequest);
    expect(messages.map((message) => message.images.length)).toEqual([16, 16, 8]);
    expect(messages.flatMap((message) => message.images.map(({ index }) => index))).toEqual(
      images(40).map(({ index }) => index),
    );
  });

  it('stays below the maximum message size with the longest names', () => {
    // A control character is the worst: six bytes of JSON for one of a name.
    const messages = toRequests(header, images(16, '\u0001'.repeat(1024)));
    expect(messages.every((message) => Buffer.byteLength(message) <= MAX_MESSAGE_BYTES)).toBe(true);
    expect(messages.map(parseRequest).flatMap((message) => message.images)).toHaveLength(16);
  });

  it('escapes characters in names that SQS refuses', () => {
    const name = 'odd \uFFFE\uFFFF.jpg';
    const [message = ''] = toRequests(header, images(1, name));
    expect(message).not.toMatch(/[\uFFFE\uFFFF]/);
    expect(parseRequest(message).images[0]?.name).toBe(name);
  });

  it('has no message without images', () => {
    expect(toRequests(header, [])).toEqual([]);
  });
});

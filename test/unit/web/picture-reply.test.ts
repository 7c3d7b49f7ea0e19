import { describe, expect, it } from 'vitest';
import { pictureReply } from '../../../src/core/model/picture.ts';

const JPEG_START = Buffer.from([0xff, 0xd8]);

describe('the reply of a process that makes pictures', () => {
  it.each([
    ['a JPEG', { jpeg: JPEG_START }],
    ['an error of the image', { error: { code: 'truncated', message: 'The file is cut off.' } }],
    ['a fault of the machine', { fault: 'There is no memory.' }],
  ])('is %s', (_what, reply) => {
    expect(pictureReply.parse(reply)).toEqual(reply);
  });

  it.each([
    ['a text', 'a text'],
    ['a text in place of bytes', { jpeg: 'a text' }],
    ['a page', { jpeg: Buffer.from('<html>') }],
    ['larger than any picture', { jpeg: Buffer.concat([JPEG_START, Buffer.alloc(13 * 2 ** 20)]) }],
    ['an error that does not exist', { error: { code: 'a code', message: 'A message.' } }],
    ['an endless message', { fault: 'a'.repeat(20_000) }],
  ])('is not %s', (_what, reply) => {
    expect(pictureReply.safeParse(reply).success).toBe(false);
  });
});

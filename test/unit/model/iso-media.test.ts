import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DecodeError } from '../../../src/model/decode/decode-error.ts';
import { readPrimaryImage } from '../../../src/model/decode/heif-header.ts';
import { BoxReader, boxes, firstBox } from '../../../src/model/decode/iso-media.ts';
import { box, heicFile, heif, profile, size, u8, u16, u32 } from '../../heic-files/heif-writer.ts';

const typesOf = (bytes: Buffer) => [...boxes(bytes)].map(({ type }) => type);

describe('boxes of ISO base media files', () => {
  it('are listed with the place of their content', () => {
    const file = Buffer.concat([box('ftyp', Buffer.from('heic')), box('mdat', Buffer.from('abc'))]);
    expect([...boxes(file)]).toEqual([
      { type: 'ftyp', start: 0, from: 8, to: 12 },
      { type: 'mdat', start: 12, from: 20, to: 23 },
    ]);
  });

  it('may have sizes of 64 bits, or reach to the end', () => {
    const large = Buffer.concat([u32(1), Buffer.from('wide'), u32(0), u32(20), Buffer.from('abcd')]);
    const last = Buffer.concat([u32(0), Buffer.from('last'), Buffer.from('xyz')]);
    expect([...boxes(Buffer.concat([large, last]))]).toEqual([
      { type: 'wide', start: 0, from: 16, to: 20 },
      { type: 'last', start: 20, from: 28, to: 31 },
    ]);
  });

  it.each([
    ['is too small for its header', Buffer.concat([u32(7), Buffer.from('evil')])],
    ['has a size of 64 bits that is cut off', Buffer.concat([u32(1), Buffer.from('evil'), u32(0)])],
    ['is large and too small for its header', Buffer.concat([u32(1), Buffer.from('evil'), u32(0), u32(15)])],
  ])('end before one that %s', (_, evil) => {
    expect(typesOf(Buffer.concat([box('good'), evil]))).toEqual(['good']);
  });

  it.each([
    ['longer than the file', Buffer.concat([u32(0xffffffff), Buffer.from('long')])],
    [
      'larger than all memory',
      Buffer.concat([u32(1), Buffer.from('long'), u32(0xffffffff), u32(0xffffffff)]),
    ],
  ])('end with the file if one is %s', (_, long) => {
    const file = Buffer.concat([box('good'), long, Buffer.alloc(3)]);
    expect([...boxes(file)].map(({ type, to }) => [type, to])).toEqual([
      ['good', 8],
      ['long', file.length],
    ]);
  });

  it('are an error if there are a million', () => {
    const million = Buffer.concat(Array<Buffer>(1_000_000).fill(box('free')));
    expect(() => firstBox(million, 'meta')).toThrow(DecodeError);
  });

  it('are found by any bytes: in order, in their part of the file', () => {
    const anything = fc.tuple(fc.uint8Array({ maxLength: 64 }), fc.nat(80), fc.nat(80));
    fc.assert(
      fc.property(anything, ([bytes, from, to]) => {
        let end = from;
        for (const found of boxes(Buffer.from(bytes), { from, to })) {
          expect(found.from).toBeGreaterThanOrEqual(end + 8);
          expect(found.to).toBeGreaterThanOrEqual(found.from);
          expect(found.to).toBeLessThanOrEqual(Math.min(to, bytes.length));
          end = found.to;
        }
      }),
    );
  });

  it('are read number by number, up to their end and no further', () => {
    const reader = new BoxReader(Buffer.concat([u8(1), u16(2), u32(3), u32(4)]), { from: 0, to: 7 });
    expect([reader.uint(1), reader.uint(2), reader.uint(4)]).toEqual([1, 2, 3]);
    expect(() => reader.uint(1)).toThrow(DecodeError);
  });
});

const item = { type: 'hvc1', data: Buffer.alloc(9) } as const;
const codeOf = (bytes: Buffer) => {
  try {
    return readPrimaryImage(bytes, 'heic');
  } catch (error) {
    if (error instanceof DecodeError) return error.code;
    throw error;
  }
};

describe('the header of a HEIC', () => {
  it('has the size and the profile of the primary image, not of others', () => {
    const icc = Buffer.from('an ICC profile');
    const file = heif([
      { ...item, properties: [size(4032, 3024), profile(icc)] },
      { ...item, properties: [size(320, 240), profile(Buffer.from('another'))] },
    ]);
    expect(readPrimaryImage(file, 'heic')).toEqual({ width: 4032, height: 3024, profile: icc });
  });

  it.each(['photo', 'grid', 'transparent', '10-bits'])('is read as an encoder wrote it: %s.heic', (name) => {
    expect(readPrimaryImage(heicFile(`${name}.heic`), 'heic')).toEqual({ width: 600, height: 400 });
  });

  it('without a primary image is damaged, or that of a video', () => {
    const start = box('ftyp', Buffer.from('heic\0\0\0\0'));
    expect(codeOf(start)).toBe('truncated');
    expect(codeOf(Buffer.concat([start, box('moov')]))).toBe('unsupported_format');
  });

  it('may be changed in any bytes: it has a size or an error code', () => {
    const file = heif([{ ...item, properties: [size(600, 400), profile(Buffer.alloc(20))] }]);
    const changes = fc.array(fc.tuple(fc.nat(file.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(changes, fc.nat(file.length), (changed, length) => {
        const bytes = Buffer.from(file.subarray(0, length));
        for (const [at, value] of changed) if (at < length) bytes[at] = value;
        const found = codeOf(bytes);
        if (typeof found === 'string') expect(['truncated', 'unsupported_format']).toContain(found);
        else expect(found.width).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it('with a million associations is no work', () => {
    const associations = Buffer.concat(Array<Buffer>(1_000_000).fill(Buffer.concat([u16(7), u8(0)])));
    const ipma = box('ipma', u32(0), u32(0xffffffff), associations);
    const pitm = box('pitm', u32(0), u16(1));
    const file = box('meta', u32(0), pitm, box('iprp', box('ipco'), ipma));
    expect(readPrimaryImage(file, 'heic')).toEqual({ width: 0, height: 0 });
  });
});

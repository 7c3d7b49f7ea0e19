import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { isSrgbProfile } from '../../../../src/model/decode/plain-jpeg/srgb-profile.ts';

async function profileOf(name: string): Promise<Buffer> {
  const png = await sharp({ create: { width: 1, height: 1, channels: 3, background: '#fff' } })
    .withIccProfile(name)
    .png()
    .toBuffer();
  return (await sharp(png).metadata()).icc as Buffer;
}

const FIXED_ONE = 65_536;
const SRGB = {
  rXYZ: [0.4361, 0.2225, 0.0139],
  gXYZ: [0.3851, 0.7169, 0.0971],
  bXYZ: [0.1431, 0.0606, 0.7141],
};

/** A profile with the primaries of sRGB and this curve for all of them. */
function profileWith(curve: Buffer, extra: string[] = []): Buffer {
  const xyz = (values: number[]) => {
    const tag = Buffer.alloc(20);
    tag.write('XYZ ', 'latin1');
    for (const [index, value] of values.entries())
      tag.writeInt32BE(Math.round(value * FIXED_ONE), 8 + 4 * index);
    return tag;
  };
  const tags: [string, Buffer][] = [
    ...Object.entries(SRGB).map(([name, values]): [string, Buffer] => [name, xyz(values)]),
    ...['rTRC', 'gTRC', 'bTRC', ...extra].map((name): [string, Buffer] => [name, curve]),
  ];
  const head = Buffer.alloc(132 + 12 * tags.length);
  head.write('RGB XYZ ', 16, 'latin1');
  head.writeUInt32BE(tags.length, 128);
  let end = head.length;
  for (const [index, [name, data]] of tags.entries()) {
    head.write(name, 132 + 12 * index, 'latin1');
    head.writeUInt32BE(end, 136 + 12 * index);
    head.writeUInt32BE(data.length, 140 + 12 * index);
    end += data.length;
  }
  return Buffer.concat([head, ...tags.map(([, data]) => data)]);
}

function table(entries: number, curve: (value: number) => number): Buffer {
  const tag = Buffer.alloc(12 + 2 * entries);
  tag.write('curv', 'latin1');
  tag.writeUInt32BE(entries, 8);
  for (let index = 0; index < entries; index++)
    tag.writeUInt16BE(Math.round(65_535 * curve(index / (entries - 1))), 12 + 2 * index);
  return tag;
}

const srgb = (value: number) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
const gamma = (value: number) => value ** 2.2;

describe('a colour profile', () => {
  it('is sRGB by its numbers, as a table or as a formula', async () => {
    expect(isSrgbProfile(profileWith(table(1024, srgb)))).toBe(true);
    expect(isSrgbProfile(await profileOf('srgb'))).toBe(true);
  });

  it('is another one by its curve, its primaries, its tables or its colour space', async () => {
    expect(isSrgbProfile(profileWith(table(1024, gamma)))).toBe(false);
    const power = Buffer.from('curv\0\0\0\0\0\0\0\x01\x02\x33', 'latin1');
    expect(isSrgbProfile(profileWith(power))).toBe(false);
    expect(isSrgbProfile(profileWith(table(1024, srgb), ['A2B0']))).toBe(false);
    expect(isSrgbProfile(await profileOf('p3'))).toBe(false);
    const grey = profileWith(table(1024, srgb));
    grey.write('GRAY', 16, 'latin1');
    expect(isSrgbProfile(grey)).toBe(false);
  });

  it('that is cut off is not taken for sRGB', () => {
    const profile = profileWith(table(32, srgb));
    for (let length = 0; length < profile.length - 100; length++)
      expect(isSrgbProfile(profile.subarray(0, length))).toBe(false);
  });
});

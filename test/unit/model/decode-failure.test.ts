import { describe, expect, it } from 'vitest';
import { MachineFaultError } from '../../../src/core/runtime/machine-fault.ts';
import { explainFailure, explainTimeout } from '../../../src/model/decode/decode-failure.ts';

const explain = (text: string) => explainFailure(new Error(text), 'jpeg');

describe('a decoder says of the bytes of an image', () => {
  it.each([
    ['VipsJpeg: premature end of JPEG image', 'truncated'],
    ['VipsJpeg: Corrupt JPEG data: 7 extraneous bytes before marker 0xd9', 'truncated'],
    ['Input buffer has corrupt header: VipsJpeg: Bogus Huffman table definition', 'truncated'],
    ['Input buffer has corrupt header: ', 'truncated'],
    ['Input buffer contains unsupported image format', 'truncated'],
    ['Unknown error', 'truncated'],
    ['vipspng: libpng read error', 'truncated'],
    ['webp2vips: unable to read pixels', 'truncated'],
    ['gifload_buffer: Invalid frame data', 'truncated'],
    ['tiff2vips: Using code not yet in table', 'truncated'],
    ['heif: Invalid input: Unspecified: Corrupt frame detected (2.0)', 'truncated'],
    ['source: bad seek to 123', 'truncated'],
    ['VipsIcc: not an ICC profile, invalid signature', 'truncated'],
    ['png2vips: unsupported color type', 'unsupported_format'],
    [
      "icc_transform: no compatible input profile\nvips_colourspace: no known route from 'multiband' to 'srgb'",
      'unsupported_format',
    ],
    ['VipsJpeg: Unsupported marker type 0x12', 'unsupported_format'],
    ['heif: Unsupported feature: ispe box data version 3 is not implemented yet (4.3)', 'unsupported_format'],
    ['Input image exceeds pixel limit', 'too_large'],
    ['heif: Memory allocation error: Security limit exceeded: too many items (6.1000)', 'too_large'],
  ])('%s: %s', (text, code) => {
    expect(explain(text)).toMatchObject({ name: 'DecodeError', code });
  });
});

describe('a decoder says of this machine', () => {
  it.each([
    'VipsImage: out of memory -- size == 12MB',
    'vips_tracked: out of memory',
    'unable to create thread',
    'Cannot allocate memory',
    'VipsJpeg: Insufficient memory (case 4)',
    'vipspng: libpng read error\nvips_tracked: out of memory -- size == 3MB',
    'heif: Memory allocation error: Unspecified (6.0)',
    'Array buffer allocation failed',
    'windows: Resource temporarily unavailable',
    'open: Too many open files',
    'something that no decoder has ever said',
    'VipsOperation: class "resize" not found',
  ])('%s', (text) => {
    const fault = explain(text);
    expect(fault).toBeInstanceOf(MachineFaultError);
    expect(fault).toMatchObject({ code: 'worker_crash', scope: 'image' });
    expect(fault.message).toContain(text.split('\n')[0]);
  });
});

describe('a decode that reaches its time limit', () => {
  const explain = (cpuMs: number) => explainTimeout({ cpuMs, wallMs: 80_000 }, 20_000);

  it('is a deadline of the image if it had the processor', () => {
    expect(explain(15_000)).toMatchObject({ name: 'DecodeError', code: 'deadline' });
  });

  it('is a fault of the machine if others had it', () => {
    const fault = explain(3000);
    expect(fault).toBeInstanceOf(MachineFaultError);
    expect(fault).toMatchObject({ code: 'deadline', scope: 'image' });
    expect(fault.message).toContain('3000 ms of processor time in 80000 ms');
  });
});

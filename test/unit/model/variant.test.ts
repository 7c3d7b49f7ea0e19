import { describe, expect, it } from 'vitest';
import { chooseVariant, readCpuFeatures } from '../../../src/model/variant.ts';

const vnni = { int8: ['avx512_vnni'], known: true };
const none = { int8: [], known: true };
const unknown = { int8: [], known: false };

describe('variant', () => {
  it.each([
    ['auto', vnni, ['fp32', 'int8'], 'int8', /the CPU has avx512_vnni/],
    ['auto', none, ['fp32', 'int8'], 'fp32', /has no instructions/],
    ['auto', unknown, ['fp32', 'int8'], 'fp32', /is unknown/],
    ['auto', vnni, ['fp32'], 'fp32', /only one/],
    ['auto', none, ['int8'], 'int8', /only one/],
    ['fp32', vnni, ['fp32', 'int8'], 'fp32', /settings/],
    ['int8', none, ['fp32', 'int8'], 'int8', /settings/],
  ] as const)('%s on %j of %j is %s', (setting, cpu, available, variant, reason) => {
    expect(chooseVariant('resnet50', setting, cpu, available)).toEqual({
      variant,
      reason: expect.stringMatching(reason),
    });
  });

  it('refuses a variant that is not available', () => {
    expect(() => chooseVariant('resnet50', 'int8', vnni, ['fp32'])).toThrow(
      expect.objectContaining({
        message: 'No int8 variant of resnet50 is available, only fp32.',
        hint: expect.stringContaining('imgcls model pull resnet50 --variant int8'),
      }),
    );
  });
  it('does not suggest to pull a variant that the catalog lacks', () => {
    expect(() => chooseVariant('efficientnet-lite0', 'fp32', vnni, ['int8'])).toThrow(
      expect.objectContaining({
        hint: expect.stringMatching(
          /catalog does not have it\. .*"imgcls model import FILE --name efficientnet-lite0 --variant fp32"/,
        ),
      }),
    );
  });
});

describe('CPU features', () => {
  const read = (platform: string, arch: string, text: string) =>
    readCpuFeatures(platform, arch, async () => text);

  it.each([
    [
      'x64',
      'processor : 0\nflags\t\t: fpu avx2 avx512_vnni amx_int8\nbugs : x\n',
      ['avx512_vnni', 'amx_int8'],
    ],
    ['x64', 'flags\t\t: fpu avx2 avx_vnni\n', ['avx_vnni']],
    ['x64', 'flags\t\t: fpu avx2 avx_vnni_int16\n', []],
    ['arm64', 'Features\t: fp asimd asimddp sve\n', ['asimddp']],
  ])('linux %s: %j', async (arch, text, int8) => {
    expect(await read('linux', arch, text)).toEqual({ int8, known: true });
  });

  it('are unknown if the system does not list them', async () => {
    expect(await read('linux', 'x64', 'nothing of the kind')).toEqual(unknown);
    expect(await read('win32', 'x64', '')).toEqual(unknown);
    const fails = () => Promise.reject(new Error('no /proc'));
    expect(await readCpuFeatures('linux', 'x64', fails)).toEqual(unknown);
  });

  it('include int8 on Apple silicon', async () => {
    expect(await read('darwin', 'arm64', '')).toEqual({ int8: ['asimddp'], known: true });
  });
});

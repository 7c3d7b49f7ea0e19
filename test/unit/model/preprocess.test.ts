import { describe, expect, it } from 'vitest';
import { imageElements, makePreprocess } from '../../../src/model/preprocess.ts';

const recipe = {
  cropSize: 2,
  channelOrder: 'RGB' as const,
  mean: [0.5, 0.4, 0.3] as [number, number, number],
  std: [0.25, 0.2, 0.5] as [number, number, number],
};

// Four pixels: red, green, blue, grey.
const pixels = Uint8Array.of(255, 0, 0, 0, 255, 0, 0, 0, 255, 51, 51, 51);
const red = [2, -2, -2, -1.2];
const green = [-2, 3, -2, -1];
const blue = [-0.6, -0.6, 1.4, -0.2];

function run(order: 'RGB' | 'BGR', layout: 'NCHW' | 'NHWC', slot = 0, slots = 1): number[] {
  const tensor = new Float32Array(slots * imageElements(recipe));
  makePreprocess({ ...recipe, channelOrder: order }, layout)(pixels, tensor, slot);
  return [...tensor].map((value) => Math.round(value * 1e5) / 1e5);
}

describe('preprocess', () => {
  it('writes (x / 255 - mean) / std in planes', () => {
    expect(run('RGB', 'NCHW')).toEqual([...red, ...green, ...blue]);
  });

  it('interleaves channels for NHWC', () => {
    expect(run('RGB', 'NHWC')).toEqual(
      red.flatMap((value, pixel) => [value, green[pixel] as number, blue[pixel] as number]),
    );
  });

  it('puts blue first for BGR, with mean and std in the order of the model', () => {
    // The first plane has the blue values, with the first mean and std.
    expect(run('BGR', 'NCHW')).toEqual([-2, -2, 2, -1.2, ...green, 1.4, -0.6, -0.6, -0.2]);
  });

  it('writes only to its own slot of the batch', () => {
    expect(run('RGB', 'NCHW', 1, 3)).toEqual([
      ...Array(12).fill(0),
      ...red,
      ...green,
      ...blue,
      ...Array(12).fill(0),
    ]);
  });

  it('refuses pixels of another size and missing slots', () => {
    const preprocess = makePreprocess(recipe, 'NCHW');
    expect(() => preprocess(pixels.subarray(1), new Float32Array(12), 0)).toThrow(RangeError);
    expect(() => preprocess(pixels, new Float32Array(12), 1)).toThrow(RangeError);
  });
});

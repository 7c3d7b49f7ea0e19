import { describe, expect, it } from 'vitest';
import type { Preprocessing } from '../../../../src/core/model/model.ts';
import { scaledAsPillow } from '../../../../src/model/decode/pillow.ts';

function picture(width: number, height: number) {
  const pixels = new Uint8Array(3 * width * height);
  for (let at = 0; at < pixels.length; at++) {
    const [x, y] = [Math.floor(at / 3) % width, Math.floor(at / 3 / width)];
    pixels[at] = x * x * 37 + y * 53 + x * y * 29 + (at % 3) * 71;
  }
  return { pixels, width, height };
}

const scaled = (width: number, height: number, kernel: Preprocessing['kernel'], side: number) => {
  const recipe = { fit: 'stretch', resizeShortestSide: side, cropSize: side, kernel } as const;
  return [...scaledAsPillow(picture(width, height), recipe)];
};

// Made by Pillow 13.0.0: Image.fromarray(picture).resize((side, side), kernel).
const LINEAR = [
  58, 129, 121, 124, 125, 146, 103, 151, 159, 124, 122, 118, 144, 130, 131, 146, 109, 149, 130, 125, 157, 162,
  122, 124, 198, 99, 107,
];
const CUBIC = [
  52, 128, 120, 129, 126, 144, 100, 152, 163, 124, 122, 116, 147, 129, 124, 147, 104, 156, 131, 125, 157, 161,
  124, 129, 203, 96, 102,
];
const ROWS_FIRST = [
  33, 114, 195, 80, 119, 122, 98, 136, 69, 77, 153, 69, 158, 166, 123, 124, 120, 145, 121, 95, 137, 152, 105,
  104, 74, 83, 143, 95, 78, 153, 118, 77, 154, 127, 81, 145, 124, 204, 52, 121, 197, 123, 101, 175, 146, 77,
  151, 108,
];
const LANCZOS = [
  33, 95, 166, 78, 160, 75, 104, 124, 136, 164, 105, 180, 126, 172, 169, 122, 86, 59, 158, 112, 138, 165, 158,
  138, 147, 102, 102, 126, 105, 205, 148, 108, 96, 164, 125, 119, 48, 88, 172, 110, 48, 131, 81, 130, 106,
  109, 184, 113,
];
const NEAREST = [
  37, 108, 179, 77, 148, 219, 157, 228, 43, 21, 92, 163, 201, 16, 87, 101, 172, 243, 41, 112, 183, 21, 92,
  163, 27, 98, 169, 241, 56, 127, 239, 54, 125, 21, 92, 163, 191, 6, 77, 9, 80, 151, 123, 194, 9, 21, 92, 163,
];

describe('a picture scaled as Pillow does it', () => {
  it.each([
    ['linear', 7, 5, 'linear', 3, LINEAR],
    ['cubic', 7, 5, 'cubic', 3, CUBIC],
    ['of more rows than columns', 3, 9, 'cubic', 4, ROWS_FIRST],
    ['by Lanczos, wider and lower', 5, 7, 'lanczos3', 4, LANCZOS],
    ['to the nearest pixels', 9, 6, 'nearest', 4, NEAREST],
  ] as const)('has the same bytes: %s', (_, width, height, kernel, side, expected) => {
    expect(scaled(width, height, kernel, side)).toEqual(expected);
  });

  it('is not changed if it has the size already', () => {
    expect(scaled(6, 6, 'lanczos3', 6)).toEqual([...picture(6, 6).pixels]);
  });

  it('loses of an odd rest the larger part at the bottom and right', () => {
    const recipe = { fit: 'shortest-edge', resizeShortestSide: 5, cropSize: 4, kernel: 'linear' } as const;
    const { pixels } = picture(8, 5);
    const rows = [0, 1, 2, 3].map((row) => [...pixels.subarray(3 * (8 * row + 2), 3 * (8 * row + 6))]);
    expect([...scaledAsPillow(picture(8, 5), recipe)]).toEqual(rows.flat());
  });
});

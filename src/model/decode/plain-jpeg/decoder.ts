// Decodes a JPEG, scales the picture and crops its centre, all in the memory of one program. Only what is kept is computed.

import { type JpegProgram, startJpegProgram } from '../../jpeg-program.ts';
import { webAssembly } from '../../web-assembly.ts';
import { isScaledAsPillow, scaledAsPillow } from '../pillow.ts';
import type { Target } from '../placement.ts';
import { CHANNELS, makeScalings, type Scaling } from './scaling.ts';

export interface Picture {
  /** `cropSize` x `cropSize` pixels, rows of R G B. */
  pixels: Uint8Array;
  /** Of the whole picture. */
  width: number;
  height: number;
}

/** Returns undefined for a JPEG with any error or warning. */
export type JpegDecoder = (jpeg: Uint8Array, recipe: Target) => Picture | undefined;

/** What instructions on 16 bytes read and write after the end. */
const SPARE_SUMS = 48;

/** What the program calls an error or a warning: a code of libjpeg-turbo (jerror.h), or a negative one of its own. */
class RefusedError extends Error {}

export function makeJpegDecoder({ maxPixels }: { maxPixels: number }): JpegDecoder {
  const program = startJpegProgram((code) => {
    throw new RefusedError(`Code ${code}.`);
  });
  const stackStart = program.__stack_pointer.value;
  const scalingOf = makeScalings();
  return (jpeg, recipe) => {
    try {
      const at = program.reserve(jpeg.byteLength);
      new Uint8Array(program.memory.buffer).set(jpeg, at);
      const pixels = program.decode(jpeg.byteLength, maxPixels);
      const [width, height] = new Uint32Array(program.memory.buffer, program.size(), 2) as unknown as [
        number,
        number,
      ];
      if (isScaledAsPillow(recipe)) {
        const whole = new Uint8Array(program.memory.buffer, pixels, CHANNELS * width * height);
        return { pixels: scaledAsPillow({ pixels: whole, width, height }, recipe), width, height };
      }
      const scaling = scalingOf(width, height, recipe);
      return { pixels: resized(program, { pixels, width }, scaling, recipe.cropSize), width, height };
    } catch (error) {
      program.__stack_pointer.value = stackStart;
      if (error instanceof RefusedError || error instanceof webAssembly.RuntimeError) return undefined;
      throw error;
    }
  };
}

interface Decoded {
  /** The address of its rows of R G B. */
  pixels: number;
  width: number;
}

function resized(
  program: JpegProgram,
  { pixels, width }: Decoded,
  { rows, left, right, columnFirst, columnWeights, columnPairs }: Scaling,
  side: number,
): Uint8Array {
  const place = (values: Int16Array | Uint32Array): number => {
    const at = program.allocate(values.byteLength);
    new Uint8Array(program.memory.buffer).set(new Uint8Array(values.buffer), at);
    return at;
  };
  const sumsLength = CHANNELS * (right - left);
  const sums = program.allocate(2 * (sumsLength + SPARE_SUMS));
  const resultBytes = CHANNELS * side * side;
  const result = program.allocate(resultBytes + 1);
  program.resize(
    pixels + CHANNELS * left,
    CHANNELS * width,
    place(rows.first),
    place(rows.values),
    rows.taps,
    sums,
    sums + 2 * sumsLength,
    place(columnFirst),
    place(columnWeights),
    columnPairs,
    result,
    side,
  );
  return new Uint8Array(program.memory.buffer.slice(result, result + resultBytes));
}

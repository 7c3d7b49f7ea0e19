// Decodes a JPEG, scales the picture and crops its centre, all in the memory of one program. Only what is kept is computed.

import type { Preprocessing } from '../../../core/model/model.ts';
import { type JpegProgram, startJpegProgram } from '../../jpeg-program.ts';
import { webAssembly } from '../../web-assembly.ts';
import { type SmoothKernel, type Weights, weightsOf } from './weights.ts';

export type SmoothRecipe = Pick<Preprocessing, 'resizeShortestSide' | 'cropSize'> & { kernel: SmoothKernel };

export interface Picture {
  /** `cropSize` x `cropSize` pixels, rows of R G B. */
  pixels: Uint8Array;
  /** Of the whole picture. */
  width: number;
  height: number;
}

/** Returns undefined for a JPEG with any error or warning. */
export type JpegDecoder = (jpeg: Uint8Array, recipe: SmoothRecipe) => Picture | undefined;

const CHANNELS = 3;
/** What instructions on 16 bytes read and write after the end. */
const SPARE_SUMS = 48;

/** What the program calls an error or a warning: a code of libjpeg-turbo (jerror.h), or a negative one of its own. */
class RefusedError extends Error {}

export function makeJpegDecoder({ maxPixels }: { maxPixels: number }): JpegDecoder {
  const program = startJpegProgram((code) => {
    throw new RefusedError(`Code ${code}.`);
  });
  const stackStart = program.__stack_pointer.value;
  return (jpeg, recipe) => {
    try {
      const at = program.reserve(jpeg.byteLength);
      new Uint8Array(program.memory.buffer).set(jpeg, at);
      const pixels = program.decode(jpeg.byteLength, maxPixels);
      const [width, height] = new Uint32Array(program.memory.buffer, program.size(), 2) as unknown as [
        number,
        number,
      ];
      return { pixels: resized(program, { pixels, width, height }, recipe), width, height };
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
  height: number;
}

function resized(program: JpegProgram, { pixels, width, height }: Decoded, recipe: SmoothRecipe): Uint8Array {
  const { cropSize } = recipe;
  const rows = weightsOf(height, Math.min(width, height), recipe);
  const columns = weightsOf(width, Math.min(width, height), recipe);
  const left = columns.first[0] as number;
  const right = (columns.first.at(-1) as number) + columns.taps;
  const sumsLength = CHANNELS * (right - left);
  const columnWeights = inPairs(columns);

  const place = (values: Int16Array | Uint32Array): number => {
    const at = program.allocate(values.byteLength);
    new Uint8Array(program.memory.buffer).set(new Uint8Array(values.buffer), at);
    return at;
  };
  const sums = program.allocate(2 * (sumsLength + SPARE_SUMS));
  const resultBytes = CHANNELS * cropSize * cropSize;
  const result = program.allocate(resultBytes + 1);
  program.resize(
    pixels + CHANNELS * left,
    CHANNELS * width,
    place(rows.first),
    place(rows.values),
    rows.taps,
    sums,
    sums + 2 * sumsLength,
    place(columns.first.map((column) => CHANNELS * (column - left))),
    place(columnWeights),
    columnWeights.length / (PAIR * cropSize),
    result,
    cropSize,
  );
  return new Uint8Array(program.memory.buffer.slice(result, result + resultBytes));
}

/** Numbers of a pair: the weight of a pixel for each channel, that of the next pixel, and two zeros. */
const PAIR = 8;

function inPairs({ first, taps, values }: Weights): Int16Array {
  const pairs = Math.ceil(taps / 2);
  const all = new Int16Array(PAIR * pairs * first.length);
  for (let index = 0; index < first.length; index++) {
    for (let tap = 0; tap < taps; tap++) {
      const at = PAIR * (pairs * index + (tap >> 1)) + CHANNELS * (tap & 1);
      all.fill(values[taps * index + tap] as number, at, at + CHANNELS);
    }
  }
  return all;
}

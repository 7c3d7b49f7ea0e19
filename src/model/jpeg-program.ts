// Starts the program that decodes and scales plain JPEGs: libjpeg-turbo and tools/jpeg-decoder in WebAssembly.

import { readFileSync } from 'node:fs';
import { type WasmMemory, webAssembly } from './web-assembly.ts';

/** Addresses and sizes are in bytes of `memory`. tools/jpeg-decoder explains the functions. */
export interface JpegProgram {
  memory: WasmMemory;
  /** Ends the use of all that was allocated; returns the address for a JPEG of so many bytes. */
  reserve(bytes: number): number;
  allocate(bytes: number): number;
  /** Returns the address of the pixels. @throws if there is anything wrong with the JPEG. */
  decode(bytes: number, maxPixels: number): number;
  /** The address of width and height. */
  size(): number;
  resize(
    ...args: [
      pixels: number,
      rowBytes: number,
      rowFirst: number,
      rowWeights: number,
      rowTaps: number,
      sums: number,
      sumsEnd: number,
      columnFirst: number,
      columnWeights: number,
      columnPairs: number,
      result: number,
      side: number,
    ]
  ): void;
  /** To be set to its first value after an exception, which leaves calls without their end. */
  __stack_pointer: { value: number };
}

/** Beside src/ in a clone, and beside dist/ in the package, whose chunks are as deep as the modules of this folder. */
const FILE = new URL('../../codecs/jpeg-decoder.wasm', import.meta.url);

/** @param fail called by the program at its first error or warning; throws. */
export function startJpegProgram(fail: (code: number) => never): JpegProgram {
  const program = new webAssembly.Module(readFileSync(FILE));
  return new webAssembly.Instance(program, { imgcls: { fail } }).exports as unknown as JpegProgram;
}

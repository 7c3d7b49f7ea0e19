// Entry point of a thread that decodes one HEIC image and ends. libheif runs as WebAssembly, which only the end of its thread
// can interrupt. Each image gets memory of its own, so that a hostile image cannot change how the next one decodes.

import { createRequire } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import { messageOf } from '../core/runtime/errors.ts';
import { makeTiff } from './decode/pixels-as-tiff.ts';
import type { HeicReply, HeicWork } from './heic-decoder.ts';
import { type WasmInstance, type WasmMemory, webAssembly } from './web-assembly.ts';

/** What is used of the interface of libheif-js. */
interface Libheif {
  heif_context_alloc(): unknown;
  heif_context_read_from_memory(context: unknown, bytes: Uint8Array): LibheifError;
  heif_js_context_get_primary_image_handle(context: unknown): object | LibheifError;
  heif_js_decode_image2(handle: unknown, space: unknown, chroma: unknown): Decoded | LibheifError;
  heif_image_handle_has_alpha_channel(handle: unknown): number;
  heif_colorspace: { heif_colorspace_RGB: unknown };
  heif_chroma: { heif_chroma_interleaved_RGB: unknown; heif_chroma_interleaved_RGBA: unknown };
}

interface LibheifError {
  /** Undefined if libheif crashed. */
  code?: { value: number };
  subcode?: { value: number };
  message: string;
}

interface Decoded {
  width: number;
  height: number;
  /** One, as the pixels are interleaved. `data` is a view of the decoder's memory. */
  channels: [{ stride: number; data: Uint8Array }];
}

type Picture = Decoded & { bytesPerPixel: 3 | 4 };

const PAGE_BYTES = 65_536;

/** Whether the decoder wanted more memory than it may have, and whether the machine had less. */
const memory = { isLimitReached: false, isShort: false };

const { decoder, bytes, profile, shown, maxBytes } = workerData as HeicWork;
const { libheif, heap } = start();
const reply = replyOf(decodePrimaryImage());
parentPort?.postMessage(reply, reply.kind === 'decoded' ? [reply.tiff.buffer] : []);

function decodePrimaryImage(): Picture | LibheifError {
  const { heif_chroma_interleaved_RGB: opaque, heif_chroma_interleaved_RGBA: transparent } =
    libheif.heif_chroma;
  try {
    const context = libheif.heif_context_alloc();
    const read = libheif.heif_context_read_from_memory(context, bytes);
    if (read.code?.value !== 0) return read;
    const handle = libheif.heif_js_context_get_primary_image_handle(context);
    if ('message' in handle) return handle;
    const hasAlpha = libheif.heif_image_handle_has_alpha_channel(handle) !== 0;
    const { heif_colorspace_RGB: rgb } = libheif.heif_colorspace;
    const decoded = libheif.heif_js_decode_image2(handle, rgb, hasAlpha ? transparent : opaque);
    return 'message' in decoded ? decoded : { ...decoded, bytesPerPixel: hasAlpha ? 4 : 3 };
  } catch (error) {
    return { message: messageOf(error) };
  }
}

function replyOf(result: Picture | LibheifError): HeicReply {
  if ('message' in result) {
    if (memory.isShort) return { kind: 'out_of_memory' };
    if (memory.isLimitReached) return { kind: 'too_large' };
    const { code, subcode, message } = result;
    return { kind: 'failed', code: code?.value, subcode: subcode?.value, message: message.trim() };
  }
  const { bytesPerPixel, channels } = result;
  const { left, top, width, height } = shown ?? { ...result, left: 0, top: 0 };
  const rowBytes = width * bytesPerPixel;
  if (heap.buffer.byteLength + rowBytes * height > maxBytes) return { kind: 'too_large' };
  const { file, pixels } = makeTiff({ width, height, channels: bytesPerPixel, profile });
  const [{ stride, data }] = channels;
  for (let row = 0; row < height; row++) {
    const from = (top + row) * stride + left * bytesPerPixel;
    pixels.set(data.subarray(from, from + rowBytes), row * rowBytes);
  }
  return { kind: 'decoded', tiff: file };
}

/** Starts libheif with a limit on its memory. */
function start(): { libheif: Libheif; heap: WasmMemory } {
  let heap: WasmMemory | undefined;
  const libheif: Libheif = createRequire(import.meta.url)('libheif-js/libheif-wasm/libheif.js')({
    print() {},
    printErr() {},
    instantiateWasm(imports: object, onReady: (instance: WasmInstance) => void) {
      const instance = new webAssembly.Instance(decoder, imports);
      heap = Object.values(instance.exports).find((value) => value instanceof webAssembly.Memory);
      if (heap !== undefined) limitMemory(heap);
      onReady(instance);
      return instance.exports;
    },
  });
  if (heap === undefined) throw new Error('This version of libheif-js exports no memory.');
  return { libheif, heap };
}

/** libheif takes a refusal as a failed allocation. */
function limitMemory(heap: WasmMemory): void {
  const grow = heap.grow.bind(heap);
  heap.grow = (pages) => {
    if (heap.buffer.byteLength + pages * PAGE_BYTES > maxBytes) {
      memory.isLimitReached = true;
      throw new RangeError('The decoder has reached its memory limit.');
    }
    try {
      return grow(pages);
    } catch (error) {
      memory.isShort = true;
      throw error;
    }
  };
}

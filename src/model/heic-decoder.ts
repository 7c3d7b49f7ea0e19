// The decoder of HEIC, libheif-js: an optional package, since HEVC is patented. docs/decisions/0040-heic.md has the reasons.

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Rectangle } from './decode/clean-aperture.ts';
import { type WasmModule, webAssembly } from './web-assembly.ts';

/** What a thread gets. */
export interface HeicWork {
  decoder: WasmModule;
  bytes: Uint8Array;
  /** The ICC profile of the image. */
  profile: Uint8Array | undefined;
  /** The part of the decoded image that is shown; all of it if undefined. */
  shown: Rectangle | undefined;
  /** The limit of the decoder's memory and its result together. */
  maxBytes: number;
}

export type HeicReply =
  | { kind: 'decoded'; tiff: Uint8Array<ArrayBuffer> }
  /** It needs more than `maxBytes`. */
  | { kind: 'too_large' }
  /** The machine has less memory than `maxBytes`. */
  | { kind: 'out_of_memory' }
  /** The codes are libheif's (heif_error.h); undefined if it crashed. */
  | { kind: 'failed'; code: number | undefined; subcode: number | undefined; message: string };

export type HeicOrder = Omit<HeicWork, 'decoder'> & { timeoutMs: number };

const PACKAGE = 'libheif-js';
const { resolve } = createRequire(import.meta.url);

/** The version of the installed decoder; undefined if there is none. */
export async function heicDecoderVersion(): Promise<string | undefined> {
  const description = find(`${PACKAGE}/package.json`);
  return description && JSON.parse(await readFile(description, 'utf8')).version;
}

function find(file: string): string | undefined {
  try {
    return resolve(file);
  } catch {
    return undefined;
  }
}

/** The command that installs the decoder, for the place where a module of imgcls is. */
export function heicInstallCommand(module = fileURLToPath(import.meta.url)): string {
  const folders = module.split(path.sep);
  if (folders.includes('_npx')) return `npx --package imgcls --package ${PACKAGE} imgcls`;
  const above = folders[folders.lastIndexOf('node_modules') - 1];
  // A global folder is PREFIX/lib/node_modules, or npm/node_modules on Windows.
  const isGlobal = above === 'lib' || above === 'npm';
  return `npm install ${isGlobal ? '--global ' : ''}${PACKAGE}`;
}

let compiled: Promise<WasmModule> | undefined;

/** The compiled decoder, which all threads share. Undefined if it is not installed. */
function loadDecoder(): Promise<WasmModule> | undefined {
  if (compiled !== undefined) return compiled;
  const file = find(`${PACKAGE}/libheif-wasm/libheif.wasm`);
  if (file === undefined) return undefined;
  compiled = readFile(file).then((code) => webAssembly.compile(code));
  // A machine that is short of files or memory may have them for the next image.
  compiled.catch(() => {
    compiled = undefined;
  });
  return compiled;
}

/**
 * Decodes the primary image, upright, to an uncompressed TIFF with its ICC profile.
 * @returns undefined if no decoder is installed.
 * @throws an error "timeout" after `timeoutMs`.
 */
export async function runHeicDecoder({ timeoutMs, ...order }: HeicOrder): Promise<HeicReply | undefined> {
  const decoder = await loadDecoder();
  if (decoder === undefined) return undefined;
  const workerData: HeicWork = { decoder, ...order };
  // src/model in a clone, dist/model in the package, whose chunks have the same depth.
  const entry = new URL(`../model/heic-worker${path.extname(import.meta.url)}`, import.meta.url);
  const thread = new Worker(entry, { workerData, env: {} });
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<HeicReply>((onReply, onFailure) => {
      timer = setTimeout(() => onFailure(new Error('timeout')), timeoutMs);
      thread.once('message', onReply);
      thread.once('error', onFailure);
      thread.once('exit', (code) => onFailure(new Error(`The HEIC decoder ended with code ${code}.`)));
    });
  } finally {
    clearTimeout(timer);
    await thread.terminate();
  }
}

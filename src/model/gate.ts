// The accuracy gate: a variant of fewer bits is used by itself only where it names as many images right as fp32 does, but for
// a few.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { sha256Hex } from '../core/model/model.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import { FORMAT, formatVersion, parseVersioned } from '../core/runtime/versioned.ts';
import type { Evaluation } from './evaluate.ts';

const GATE_FILE = 'gate.json';

const gateResult = z.object({
  v: formatVersion,
  /** Of the variant's weights, and of those of fp32 that it was compared with. */
  sha256: sha256Hex,
  referenceSha256: sha256Hex,
  images: z.int().positive(),
  /** Of the images and their truth. */
  imagesSha256: sha256Hex,
  /** Images that each named right at first guess. */
  top1: z.int().nonnegative(),
  referenceTop1: z.int().nonnegative(),
  /** The most that may be lost, as a share of the images. */
  tolerance: z.number().min(0).max(1),
  passed: z.boolean(),
  atMs: z.number(),
});
/** `gate.json`: what came of the last comparison, beside the weights that were compared. */
export type GateResult = z.infer<typeof gateResult>;

export interface Compared {
  sha256: string;
  evaluation: Evaluation;
}

/** Compares two evaluations on the same images. */
export function judgeVariant(
  variant: Compared,
  reference: Compared,
  { tolerance, nowMs }: { tolerance: number; nowMs: number },
): GateResult {
  const { images, digest, top1 } = variant.evaluation;
  if (digest !== reference.evaluation.digest) {
    throw new ImgclsError('usage', 'The images changed while the two variants were compared.');
  }
  const referenceTop1 = reference.evaluation.top1;
  return {
    v: FORMAT,
    sha256: variant.sha256,
    referenceSha256: reference.sha256,
    images,
    imagesSha256: digest,
    top1,
    referenceTop1,
    tolerance,
    passed: referenceTop1 - top1 <= tolerance * images,
    atMs: nowMs,
  };
}

/** `82 of 100 right at first guess, fp32 83` */
export function gateText({ top1, referenceTop1, images }: GateResult): string {
  return `${top1} of ${images} right at first guess, fp32 ${referenceTop1}`;
}

export async function writeGate(dir: string, result: GateResult): Promise<void> {
  await writeFile(join(dir, GATE_FILE), `${JSON.stringify(result, null, 2)}\n`);
}

/** What is stored beside the weights with this sha256; undefined where nothing is, or it is of others, or it cannot be understood. */
export async function readGate(dir: string, sha256: string): Promise<GateResult | undefined> {
  try {
    const found = parseVersioned(gateResult, await readFile(join(dir, GATE_FILE), 'utf8'), GATE_FILE);
    return found.sha256 === sha256 ? found : undefined;
  } catch {
    // As good as none: the variant is not trusted until it is verified.
    return undefined;
  }
}

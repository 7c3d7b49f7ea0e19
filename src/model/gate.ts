// The accuracy gate: a variant with fewer bits is used by default only if it labels nearly as many images right as fp32.

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
  /** Of the variant's weights, and of the fp32 weights (the reference). */
  sha256: sha256Hex,
  referenceSha256: sha256Hex,
  images: z.int().positive(),
  /** Of the images and their true classes. */
  imagesSha256: sha256Hex,
  /** Images whose first label is right, for the variant and for the reference. */
  top1: z.int().nonnegative(),
  referenceTop1: z.int().nonnegative(),
  /** The accepted loss, as a share of the images. */
  tolerance: z.number().min(0).max(1),
  passed: z.boolean(),
  atMs: z.number(),
});
/** `gate.json`: the result of the last comparison, stored beside the variant's weights. */
export type GateResult = z.infer<typeof gateResult>;

export interface EvaluatedVariant {
  sha256: string;
  evaluation: Evaluation;
}

/** Compares two evaluations on the same images. */
export function compareVariant(
  variant: EvaluatedVariant,
  reference: EvaluatedVariant,
  { tolerance, nowMs }: { tolerance: number; nowMs: number },
): GateResult {
  const { images, digest, top1 } = variant.evaluation;
  if (digest !== reference.evaluation.digest) {
    throw new ImgclsError('usage', 'The images changed between the evaluations of the two variants.');
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

/** `82 of 100 images right (top-1), fp32 83` */
export function gateText({ top1, referenceTop1, images }: GateResult): string {
  return `${top1} of ${images} images right (top-1), fp32 ${referenceTop1}`;
}

export async function writeGate(dir: string, result: GateResult): Promise<void> {
  await writeFile(join(dir, GATE_FILE), `${JSON.stringify(result, null, 2)}\n`);
}

/** The stored result for weights with this sha256; undefined if it is missing, unreadable or of other weights. */
export async function readGate(dir: string, sha256: string): Promise<GateResult | undefined> {
  try {
    const found = parseVersioned(gateResult, await readFile(join(dir, GATE_FILE), 'utf8'), GATE_FILE);
    return found.sha256 === sha256 ? found : undefined;
  } catch {
    // Treat it as missing: the variant is not trusted until it passes the gate.
    return undefined;
  }
}

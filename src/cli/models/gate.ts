import type { RunSettings } from '../../app/settings.ts';
import type { ClassLabel, ModelManifest } from '../../core/model/model.ts';
import { modelTitle } from '../../core/model/model.ts';
import { compareVariant, type GateResult } from '../../model/gate.ts';
import { evaluateModel, labelledImages } from './evaluation.ts';

export interface ComparedModel {
  manifest: ModelManifest;
  labels: readonly ClassLabel[];
  dir: string;
}

/** The accuracy gate: compares a variant with fp32 on the labelled images of a folder. */
export type Gate = (
  variant: ComparedModel,
  reference: ComparedModel,
  options: { images: string; tolerance: number },
) => Promise<GateResult>;

export function openGate(settings: RunSettings, signal: AbortSignal, nowMs: () => number): Gate {
  return async (variant, reference, { images: folder, tolerance }) => {
    const images = await labelledImages(folder, reference.labels);
    const evaluateOne = async ({ manifest, dir }: ComparedModel) => ({
      sha256: manifest.sha256,
      evaluation: await evaluateModel({ dir, sha256: manifest.sha256 }, images, {
        settings,
        title: modelTitle(manifest),
        signal,
      }),
    });
    const both = [await evaluateOne(variant), await evaluateOne(reference)] as const;
    return compareVariant(...both, { tolerance, nowMs: nowMs() });
  };
}

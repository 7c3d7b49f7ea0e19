/**
 * The published figures of the baseline (arXiv 2305.01634): a student system of Flask, boto3 and Keras ResNet50 on EC2
 * instances of type t2.small, which loaded the model again for every image.
 */
import * as z from 'zod';

export const BASELINE_SOURCE = 'arXiv 2305.01634 (Flask, boto3, Keras ResNet50, EC2 t2.small)';

export const baselineFigure = z.object({
  /** From submitting to the last label, or from start to booted; absent if it never finished. */
  seconds: z.number().positive().optional(),
  /** The paper says "about". */
  isAbout: z.boolean().optional(),
  /** The published failure. */
  failure: z.string().optional(),
});
export type BaselineFigure = z.infer<typeof baselineFigure>;

/** Per scenario. The paper has one figure for each, and does not say whether machines ran already. */
export const baselineFigures = {
  'medium-20': { seconds: 230.15 },
  'medium-30': { seconds: 215.67 },
  'medium-40': { failure: 'loops after image 26' },
  'medium-60': { failure: 'memory errors' },
  'tiny-27': { seconds: 600, isAbout: true, failure: 'inaccurate' },
  boot: { seconds: 71.53 },
} as const satisfies Readonly<Record<string, BaselineFigure>>;

/** Undefined if nothing was published. */
export const baselineFigureOf = (measured: string): BaselineFigure | undefined =>
  Object.hasOwn(baselineFigures, measured)
    ? baselineFigures[measured as keyof typeof baselineFigures]
    : undefined;

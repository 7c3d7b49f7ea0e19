/**
 * What was published for the predecessor (arXiv 2305.01634): a student system of Flask, boto3 and Keras ResNet50 on EC2
 * instances of type t2.small, each of which loaded its model anew for every image.
 */
import * as z from 'zod';

export const SEED_SOURCE = 'arXiv 2305.01634 (Flask, boto3, Keras ResNet50, EC2 t2.small)';

export const seedFigure = z.object({
  /** From submitting to the last label, or from start to booted; absent where it never got so far. */
  seconds: z.number().positive().optional(),
  /** The seconds were published as "about". */
  isAbout: z.boolean().optional(),
  /** What went wrong. */
  failure: z.string().optional(),
});
export type SeedFigure = z.infer<typeof seedFigure>;

/** By what was measured, whether machines ran already or not: the paper has one figure for each. */
export const seedFigures = {
  'medium-20': { seconds: 230.15 },
  'medium-30': { seconds: 215.67 },
  'medium-40': { failure: 'loops after image 26' },
  'medium-60': { failure: 'memory errors' },
  'tiny-27': { seconds: 600, isAbout: true, failure: 'inaccurate' },
  boot: { seconds: 71.53 },
} as const satisfies Readonly<Record<string, SeedFigure>>;

/** Undefined where nothing was published. */
export const seedFigureOf = (measured: string): SeedFigure | undefined =>
  Object.hasOwn(seedFigures, measured) ? seedFigures[measured as keyof typeof seedFigures] : undefined;

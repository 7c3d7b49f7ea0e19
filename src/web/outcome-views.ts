/** Schemas of outcomes in the REST service, as those in api.ts. */

import * as z from 'zod';
import { anyJobId } from '../core/job/job.ts';
import {
  imageError,
  predictionSource,
  predictionWarning,
  scoredCategory,
  scoredLabel,
} from '../core/model/outcome.ts';

const count = z.int().nonnegative();

const imageFields = { index: count, name: z.string() };

const predictionFields = {
  /** The best label; `labels` contains it and the next ones, best first. */
  label: z.string(),
  wnid: z.string(),
  /** Softmax probability, 0 to 1. */
  score: z.number(),
  labels: z.array(scoredLabel),
  category: scoredCategory
    .optional()
    .describe(
      'An everyday word for some of the classes, such as "dog"; its score is the sum of theirs. Absent if the model has none, ' +
        'and in outcomes of earlier versions.',
    ),
  model: z.string(),
  ms: z.number().describe('Milliseconds of its decode, and its share of the run of the model; 0 if known.'),
  known: z.literal(true).optional().describe('An earlier job has labelled the same image.'),
  warning: predictionWarning
    .optional()
    .describe(
      'Why the labels are unreliable. `damaged`: they come from the part of the image that could be decoded. ' +
        '`uniform`: the picture has one colour. `low_resolution`: the shorter side has fewer than 96 pixels.',
    ),
  decodedShare: z
    .number()
    .optional()
    .describe(
      'Of a damaged image whose end is missing: the share of its rows that could be decoded, 0.5 to 1.',
    ),
  source: predictionSource
    .optional()
    .describe('`preview`: the image is the JPEG that a camera embedded in its raw file.'),
  unsure: z.literal(true).optional().describe('The score of the label is below `minScore`.'),
};

/** Of a query. */
export const minScore = z.coerce
  .number()
  .min(0)
  .max(1)
  .default(0)
  .describe('Labels with a lower score are marked `unsure`.');

export const predictionView = z.object({ ...imageFields, ...predictionFields }).meta({ id: 'Prediction' });

export const failedView = z.object({ ...imageFields, error: imageError }).meta({ id: 'FailedImage' });

export const outcomeView = z.union([predictionView, failedView]);
export type OutcomeView = z.infer<typeof outcomeView>;

export const resultsPage = z
  .object({
    job: anyJobId,
    /** In input order, without images that have no outcome yet. */
    outcomes: z.array(outcomeView),
    /** Pass it as `?from=` to get the next page; absent on the last page. */
    next: count.optional(),
  })
  .meta({ id: 'ResultsPage' });
export type ResultsPage = z.infer<typeof resultsPage>;

/** The response of `POST /v1/classify`. */
export const classification = z.object(predictionFields).meta({ id: 'Classification' });
export type Classification = z.infer<typeof classification>;

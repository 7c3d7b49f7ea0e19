/** Schemas of `GET /v1/find`, as those in api.ts. */

import * as z from 'zod';
import { anyJobId } from '../core/job/job.ts';

const count = z.int().nonnegative();

const foundPhotograph = z
  .object({
    /** The newest job that has labelled it, and its place in that job. */
    job: anyJobId,
    index: count,
    name: z.string(),
    path: z.string().optional().describe('Of a file of the machine of the service; absent for uploads.'),
    label: z.string().optional().describe('The label that was found, with its `wnid`; or a `category`.'),
    wnid: z.string().optional(),
    category: z.string().optional(),
    best: z
      .string()
      .optional()
      .describe('The best label of the photograph, if another one or a category was found.'),
    /** Of the label or the category. */
    score: z.number(),
    /** When the job was submitted. */
    labelledAtMs: z.number(),
    thumbnail: z.string().describe('Address of its thumbnail, relative to that of the search.'),
  })
  .meta({ id: 'FoundPhotograph' });

export const foundPage = z
  .object({
    photographs: z.array(foundPhotograph),
    /** Photographs on all pages, those whose files are gone included. */
    total: count,
    next: count.optional().describe('Pass it as `?from=` to get the next page; absent on the last page.'),
    didYouMean: z.string().optional().describe('If nothing was found: words of labels that are alike.'),
  })
  .meta({ id: 'FoundPhotographs' });
export type FoundPage = z.infer<typeof foundPage>;

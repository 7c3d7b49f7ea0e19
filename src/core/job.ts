import * as z from 'zod';
import { modelRef, sha256Hex } from './model.ts';
import { imageError, imageName, MAX_TOP_K } from './outcome.ts';
import { formatVersion } from './versioned.ts';

export const jobId = z.ulid();

/** `finished` and `cancelled` are final. A job is `open` while its inputs are still read and `sealed` once the total is known. */
export const jobState = z.enum(['open', 'sealed', 'finished', 'cancelled']);
export type JobState = z.infer<typeof jobState>;

export const topK = z.int().min(1).max(MAX_TOP_K);

/** `jobs/<jobId>/job.json`, changed by If-Match only. */
export const jobRecord = z.object({
  v: formatVersion,
  id: jobId,
  state: jobState,
  createdAtMs: z.number(),
  inputs: z.array(z.string()),
  include: z.array(z.string()),
  exclude: z.array(z.string()),
  topK,
  model: modelRef,
  /** Images of the job, known once it is sealed. */
  total: z.int().nonnegative().optional(),
});
export type JobRecord = z.infer<typeof jobRecord>;

/** Where an image's bytes are, and how to know that they are the ones that were submitted. */
export const imageSource = z.object({
  bucket: z.string(),
  key: z.string(),
  sha256: sha256Hex.optional(),
  etag: z.string().optional(),
});
export type ImageSource = z.infer<typeof imageSource>;

/** An image that could not even be read by its submitter keeps its place, with the error as its outcome. */
const readable = imageSource;
const unreadable = z.object({ error: imageError });

const place = { index: z.int().nonnegative(), name: imageName };

/** One image of a request message. */
export const requestImage = z.union([
  z.object({ ...place, ...readable.shape }),
  z.object({ ...place, ...unreadable.shape }),
]);
export type RequestImage = z.infer<typeof requestImage>;

/** One line of a manifest part: an image as its submitter saw it. */
export const manifestEntry = z.union([
  z.object({ ...place, source: z.string(), bytes: z.int().nonnegative(), ...readable.shape }),
  z.object({ ...place, source: z.string(), bytes: z.int().nonnegative(), ...unreadable.shape }),
]);
export type ManifestEntry = z.infer<typeof manifestEntry>;

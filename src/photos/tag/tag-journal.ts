import * as z from 'zod';
import { sha256Hex } from '../../core/model/model.ts';
import { formatVersion } from '../../core/runtime/versioned.ts';

/** One change of a sidecar, or of a photograph itself. */
export const tagEntry = z.object({
  v: formatVersion,
  photo: z.string(),
  /** What was changed: a sidecar, or the photograph. */
  file: z.string(),
  /** The content before; absent if there was no file. */
  before: z.object({ sha256: sha256Hex, mtimeMs: z.number() }).optional(),
  /** The content since then. */
  after: z.object({ sha256: sha256Hex }),
  /** From the content after to the one before; `between` in Base64. */
  patch: z.object({ begin: z.int(), end: z.int(), between: z.base64() }).optional(),
  /** The keywords of imgcls in the content after. */
  keywords: z.object({ words: z.array(z.string()), paths: z.array(z.array(z.string())) }),
});
export type TagEntry = z.infer<typeof tagEntry>;

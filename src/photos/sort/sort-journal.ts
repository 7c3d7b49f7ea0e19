import * as z from 'zod';
import { sha256Hex } from '../../core/model/model.ts';
import { formatVersion } from '../../core/runtime/versioned.ts';

/** What becomes of a photograph in the folder of its label. */
export const SORT_MODES = ['link', 'copy', 'move'] as const;
export type SortMode = (typeof SORT_MODES)[number];

/** One step: a folder that was made, or a file that was put into one. */
export const sortEntry = z.union([
  z.object({ v: formatVersion, folder: z.string() }),
  z.object({
    v: formatVersion,
    mode: z.enum(SORT_MODES),
    from: z.string(),
    to: z.string(),
    /** The content that is copied or moved. */
    sha256: sha256Hex.optional(),
  }),
]);
export type SortEntry = z.infer<typeof sortEntry>;
export type FileStep = Extract<SortEntry, { to: string }>;

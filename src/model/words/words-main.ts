// Entry point of a child process that turns the texts of one request into vectors. A service or a program that did so itself
// would do nothing else meanwhile: the runtime blocks the event loop, for up to minutes with a thousand labels.

import { ImgclsError, messageOf } from '../../core/runtime/errors.ts';
import { type TextSettings, textVectors } from './text-side.ts';

export interface WordsRequest {
  dir: string;
  texts: readonly string[];
  settings: TextSettings;
}

export type WordsReply = { vectors: Float32Array } | { message: string; hint?: string };

process.once('disconnect', () => process.exit());
process.once('message', async ({ dir, texts, settings }: WordsRequest) => {
  const reply = await textVectors(dir, texts, settings).then(
    (vectors): WordsReply => ({ vectors }),
    (error: unknown): WordsReply => ({
      message: messageOf(error),
      ...(error instanceof ImgclsError && error.hint !== undefined && { hint: error.hint }),
    }),
  );
  process.send?.(reply, () => process.disconnect());
});

// The side of a model that turns texts into vectors. It runs where a job is submitted, once for each label.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import type { ModelManifest } from '../../core/model/model.ts';
import { ImgclsError, messageOf } from '../../core/runtime/errors.ts';
import { TEXT_FILE, TOKENIZER_CONFIG_FILE, TOKENIZER_FILE } from '../folder.ts';
import { type InputValues, openNamedSession } from '../session.ts';
import { unitVector } from './compare.ts';

export type TextSettings = NonNullable<ModelManifest['zeroShot']>['text'];

/** @throws {ImgclsError} of kind `permanent` if a file is missing or not supported. */
export async function openTokenizer(dir: string): Promise<Tokenizer> {
  try {
    const [tokenizer, config] = await Promise.all(
      [TOKENIZER_FILE, TOKENIZER_CONFIG_FILE].map(async (file) =>
        JSON.parse(await readFile(join(dir, file), 'utf8')),
      ),
    );
    return new Tokenizer(tokenizer, config);
  } catch (cause) {
    throw new ImgclsError('permanent', `Cannot read the tokenizer in ${dir}: ${messageOf(cause)}`, {
      hint: 'Import the model again from the folder that has its text side.',
      cause,
    });
  }
}

/** The inputs of a model for one text. The last token, which ends the text, is always kept. */
export function textInputs(
  tokenizer: Tokenizer,
  text: string,
  { maxTokens, fillToken, isLowerCase }: Omit<TextSettings, 'output'>,
): Record<'input_ids' | 'attention_mask', InputValues> {
  const { ids } = tokenizer.encode(isLowerCase ? text.toLowerCase() : text);
  const kept = ids.length <= maxTokens ? ids : [...ids.slice(0, maxTokens - 1), ...ids.slice(-1)];
  const fill = fillToken === undefined ? [] : Array<number>(maxTokens - kept.length).fill(fillToken);
  const tokens = [...kept, ...fill];
  const shape = [1, tokens.length];
  const mask = [...kept.map(() => 1), ...fill.map(() => 0)];
  return { input_ids: { integers: tokens, shape }, attention_mask: { integers: mask, shape } };
}

/** A vector of length 1 for each text, one after the other. @throws {ImgclsError} of kind `permanent`. */
export async function textVectors(
  dir: string,
  texts: readonly string[],
  settings: TextSettings,
): Promise<Float32Array> {
  const tokenizer = await openTokenizer(dir);
  const session = await openNamedSession(join(dir, TEXT_FILE));
  try {
    const vectors: number[] = [];
    for (const text of texts)
      vectors.push(...unitVector(await session.run(textInputs(tokenizer, text, settings), settings.output)));
    return Float32Array.from(vectors);
  } finally {
    await session.dispose();
  }
}

import { createInterface } from 'node:readline/promises';
import { ImgclsError } from '../../core/runtime/errors.ts';

export interface Confirmation {
  /** True if the user has agreed with --yes. */
  yes: boolean;
  /** Why to ask: "Measuring on AWS costs money". For the error if there is no terminal. */
  why: string;
  /** How to agree without a terminal. */
  hint: string;
  signal: AbortSignal;
}

/**
 * Asks for confirmation on the terminal.
 * @throws {ImgclsError} of kind `usage` without a terminal; the signal's reason.
 */
export async function agree(question: string, { yes, why, hint, signal }: Confirmation): Promise<boolean> {
  if (yes) return true;
  if (!process.stdin.isTTY || !process.stderr.isTTY)
    throw new ImgclsError('usage', `Cannot ask for confirmation without a terminal. ${why}.`, { hint });
  return /^\s*y(es)?\s*$/i.test(await ask(`${question} [y/N] `, signal));
}

/** @returns the answer; '' at the end of the input. */
async function ask(question: string, signal: AbortSignal): Promise<string> {
  // With `terminal: true`, Ctrl-C would be a key and send no signal.
  const prompt = createInterface({ input: process.stdin, output: process.stderr, terminal: false });
  const ended = new Promise<string>((resolve) => prompt.once('close', () => resolve('')));
  try {
    return await Promise.race([prompt.question(question, { signal }), ended]);
  } finally {
    prompt.close();
  }
}

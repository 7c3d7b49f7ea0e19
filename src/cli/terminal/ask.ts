import { createInterface } from 'node:readline/promises';
import { ImgclsError } from '../../core/runtime/errors.ts';

export interface Asking {
  /** It was agreed to beforehand. */
  yes: boolean;
  /** Why one has to ask, where nobody can be asked: "Measuring on AWS costs money". */
  why: string;
  /** How to agree beforehand. */
  hint: string;
  signal: AbortSignal;
}

/**
 * Asks on the terminal.
 * @throws {ImgclsError} of kind `usage` where nobody can be asked; the signal's reason.
 */
export async function agree(question: string, { yes, why, hint, signal }: Asking): Promise<boolean> {
  if (yes) return true;
  if (!process.stdin.isTTY || !process.stderr.isTTY)
    throw new ImgclsError('usage', `${why}, and nobody can be asked here.`, { hint });
  return /^\s*y(es)?\s*$/i.test(await ask(`${question} [y/N] `, signal));
}

/** @returns the line that was answered; '' where the input ended. */
async function ask(question: string, signal: AbortSignal): Promise<string> {
  // As a terminal's editor it would take Ctrl-C for a key.
  const asking = createInterface({ input: process.stdin, output: process.stderr, terminal: false });
  const ended = new Promise<string>((resolve) => asking.once('close', () => resolve('')));
  try {
    return await Promise.race([asking.question(question, { signal }), ended]);
  } finally {
    asking.close();
  }
}

import { harmless } from '../../results/export.ts';

/** Writes one line for the person at the terminal to stderr; stdout is for results alone. */
export const notice = (text: string): void => {
  process.stderr.write(`imgcls: ${harmless(text)}\n`);
};

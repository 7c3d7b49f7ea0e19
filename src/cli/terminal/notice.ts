import { harmless } from '../../core/text/harmless.ts';

/** Writes one line for the person at the terminal to stderr; stdout is for results alone. */
export const notice = (text: string): void => {
  process.stderr.write(`${harmless(text)}\n`);
};

/** Writes a notice about something that may be wrong; the command continues. */
export const warn = (text: string): void => notice(`warning: ${text}`);

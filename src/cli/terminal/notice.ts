import { terminal } from './terminal.ts';

/** Writes one line for the person at the terminal to stderr; stdout is for results alone. */
export const notice = (text: string): void => terminal.notice(text);

/** Writes a notice about something that may be wrong; the command continues. */
export const warn = (text: string): void => terminal.warn(text);

/** Writes a line that explains what happens, with --verbose. */
export const detail = (text: string): void => terminal.detail(text);

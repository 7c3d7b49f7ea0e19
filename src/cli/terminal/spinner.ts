import type { Ora } from 'ora';

/**
 * A line that is kept up to date on a terminal; undefined elsewhere.
 * A terminal without columns, as some containers have, cannot rewrite a line.
 */
export async function openSpinner(
  stream: NodeJS.WritableStream & { isTTY?: boolean; columns?: number },
  text: string,
): Promise<Ora | undefined> {
  if (stream.isTTY !== true || !stream.columns) return undefined;
  const { default: ora } = await import('ora');
  // Otherwise ora puts the terminal into raw mode, in which Ctrl-C sends no signal.
  return ora({ text, stream, discardStdin: false, color: process.env.NO_COLOR ? false : 'cyan' }).start();
}

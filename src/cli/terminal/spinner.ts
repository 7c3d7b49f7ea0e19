import type { Ora } from 'ora';

/**
 * A line on a terminal that is kept up to date; undefined elsewhere.
 * A terminal that claims to have no columns (a container's, say) has no lines that could be rewritten.
 */
export async function openSpinner(
  stream: NodeJS.WritableStream & { isTTY?: boolean; columns?: number },
  text: string,
): Promise<Ora | undefined> {
  if (stream.isTTY !== true || !stream.columns) return undefined;
  const { default: ora } = await import('ora');
  // Else it would put the terminal into raw mode, where Ctrl-C is a key and no signal.
  return ora({ text, stream, discardStdin: false, color: process.env.NO_COLOR ? false : 'cyan' }).start();
}

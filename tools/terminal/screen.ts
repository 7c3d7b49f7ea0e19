import xterm from '@xterm/headless';

/** A terminal that draws nothing, for text that was written to another one. */
export const openScreen = (columns: number, rows: number) =>
  new xterm.Terminal({ cols: columns, rows, scrollback: 100_000, allowProposedApi: true });

export type Screen = ReturnType<typeof openScreen>;

export const write = (screen: Screen, text: string): Promise<void> =>
  new Promise((resolve) => screen.write(text, resolve));

/** All lines, those that have scrolled away, too. */
export function linesOf(screen: Screen): string[] {
  const { active } = screen.buffer;
  return Array.from(
    { length: active.length },
    (_, row) => active.getLine(row)?.translateToString(true) ?? '',
  );
}

/** The lines of the screen and above it, after `seen` was written to a terminal. */
export async function screenAfter(seen: string, columns: number): Promise<string[]> {
  const screen = openScreen(columns, 24);
  await write(screen, seen);
  const lines = linesOf(screen);
  screen.dispose();
  return lines.slice(0, lines.findLastIndex((line) => line !== '') + 1);
}

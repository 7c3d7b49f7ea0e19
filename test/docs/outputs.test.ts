/** Pages whose commands a reader can follow on one machine: they are typed on a terminal, in order, and print what the page says. */
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findPython } from '../../tools/terminal/pseudo-terminal.ts';
import { type CommandLine, commandLinesOf } from './command-lines.ts';
import { pages, repository } from './pages.ts';
import { openSession, type Session, stable } from './session.ts';

const python = findPython();

/** Of the tutorial every line. Of others those that need nothing but the photographs. */
const FOLLOWED: Readonly<Record<string, (line: string) => boolean>> = {
  'docs/tutorial.md': () => true,
  'docs/photographs.md': (line) => /^imgcls find (?!.*xargs)/.test(line),
  'docs/how-to/tune-cost.md': (line) => /^imgcls (label photos|cluster set max)/.test(line),
};

/** What is shown of an output may end early, with a line of three dots. */
function expectShown(screen: readonly string[], { place, text, output }: CommandLine, home: string): void {
  const shown = output
    .trimEnd()
    .split('\n')
    .map((line) => stable(line, home));
  const seen = screen.map((line) => stable(line, home));
  const end = shown.indexOf('...');
  expect(end < 0 ? seen : seen.slice(0, end), `${place}: ${text}`).toEqual(
    end < 0 ? shown : shown.slice(0, end),
  );
}

describe.skipIf(python === undefined).each(Object.entries(FOLLOWED))(
  'the commands of %s',
  (file, isFollowed) => {
    const page = pages.find((each) => each.file === file);
    if (page === undefined) throw new Error(`There is no page ${file}.`);
    const lines = commandLinesOf(page).filter(({ text }) => isFollowed(text));
    let session: Session;
    beforeAll(async () => {
      session = await openSession(python ?? '', path.join(repository, 'bin', 'imgcls.js'));
    });
    afterAll(() => session?.close());

    it.each(lines.map((line) => [line.text, line] as const))('%s', async (_, line) => {
      const { code, screen } = await session.run(line.text);
      expect(code, screen.join('\n')).toBe(0);
      if (line.output !== '') expectShown(screen, line, session.home);
    });
  },
);

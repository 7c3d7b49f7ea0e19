/** Pages whose commands a reader can follow on one machine: they are typed on a terminal, in order, and print what the page says. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findPython } from '../../tools/terminal/pseudo-terminal.ts';
import { program } from '../e2e/package.ts';
import { type CommandLine, commandLinesOf } from './command-lines.ts';
import { pages } from './pages.ts';
import { openSession, type Session, stable } from './session.ts';

const python = findPython();

/** In the order in which a reader would meet them. Of the tutorial every line is typed, of others what needs nothing but photographs. */
const FOLLOWED = [
  'docs/tutorial.md',
  'README.md',
  'docs/how-to/label.md',
  'docs/how-to/jobs.md',
  'docs/how-to/tune-cost.md',
  'docs/photographs.md',
];

/** An id or another model, an account, a network, a person who ends it, or what the tutorial has shown already. */
const NEEDS_MORE =
  /\b(JOB|LETTER|01M8NW|s3:|https:|hf:)|--(model|labels|watch|undo|open)\b|\||^(npm|curl|eval)|^imgcls (up|watch|tag|sort|deploy|destroy|eval|model import)\b|--cost\b/;

const typed = new Set<string>();

/** Outside the tutorial a command is typed once, whichever page has it. */
function isFollowed(file: string, { text }: CommandLine): boolean {
  const command = text.replace(/\s#.*/, '').trim();
  const isNew = !typed.has(command);
  typed.add(command);
  return file === 'docs/tutorial.md' || (isNew && !NEEDS_MORE.test(command));
}

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

describe.skipIf(python === undefined)('the commands that a reader can follow', () => {
  let session: Session;
  beforeAll(async () => {
    session = await openSession(python ?? '', program());
  });
  afterAll(() => session?.close());

  const lines = FOLLOWED.flatMap((file) => {
    const page = pages.find((each) => each.file === file);
    if (page === undefined) throw new Error(`There is no page ${file}.`);
    return commandLinesOf(page).filter((line) => isFollowed(file, line));
  });

  it.each(lines.map((line) => [line.place, line.text, line] as const))('%s: %s', async (_, text, line) => {
    const { code, screen } = await session.run(text);
    expect(code, screen.join('\n')).toBe(0);
    if (line.output !== '') expectShown(screen, line, session.home);
  });
});

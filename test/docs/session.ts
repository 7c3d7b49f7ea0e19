/** A person's folder with photographs and `imgcls` on the path, for the commands of a page. */
import { cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTerminal } from '../../tools/terminal/pseudo-terminal.ts';
import { screenAfter } from '../../tools/terminal/screen.ts';
import { repository } from './pages.ts';

/** As wide as the blocks of a page are read. */
const COLUMNS = 120;

export interface Session {
  home: string;
  /** Runs the line in a shell on a terminal. */
  run(line: string): Promise<{ code: number | null; screen: string[] }>;
  close(): Promise<void>;
}

/** @param bin the command of the program. */
export async function openSession(python: string, bin: string): Promise<Session> {
  const home = await mkdtemp(path.join(tmpdir(), 'imgcls-docs-'));
  await mkdir(path.join(home, 'bin'));
  await symlink(bin, path.join(home, 'bin', 'imgcls'));
  await cp(path.join(repository, 'samples'), path.join(home, 'photos'), {
    recursive: true,
    // Five of them: the tables of a page stay short.
    filter: (file) => !/\.(md|json|webp)$/.test(file),
  });
  await cp(path.join(repository, 'samples/cat.jpg'), path.join(home, 'one.jpg'));
  const PATH = [path.join(home, 'bin'), path.dirname(process.execPath), process.env.PATH].join(
    path.delimiter,
  );
  const env = { PATH, HOME: home, XDG_CONFIG_HOME: home, IMGCLS_DATA_DIR: path.join(home, 'data') };
  return {
    home,
    async run(line) {
      const { code, seen } = await onTerminal(python, `cd && ${line}`, {
        columns: COLUMNS,
        rows: 50,
        env,
      });
      return { code, screen: await screenAfter(seen, COLUMNS) };
    },
    close: () => rm(home, { recursive: true, force: true }),
  };
}

/** What differs from run to run, and from place to place, becomes one word. Tables become as narrow as they can be. */
export const stable = (line: string, home: string): string =>
  line
    .replaceAll(home, '/home/you')
    .replaceAll(/\b[0-9A-HJKMNP-TV-Z]{26}\b/g, 'JOB')
    .replaceAll(/\b\d{4}-\d{2}-\d{2}( \d{2}:\d{2})?\b/g, 'DATE')
    .replaceAll(/\b\d+(\.\d+)? (s|images\/s|ms)\b/g, 'N $2')
    .replaceAll(/[─]+/g, '─')
    .replaceAll(/ +/g, ' ')
    .trimEnd();

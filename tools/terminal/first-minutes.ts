/**
 * Records the first minutes of a new user: `npm run recording -- FOLDER`. Writes what each of three terminals shows, as a
 * recording for asciinema (.cast), as a moving picture (.svg), and line by line (.txt).
 */
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { draw } from './drawing.ts';
import { CTRL_C, findPython, type Keys, onTerminal, type Written } from './pseudo-terminal.ts';
import { screenAfter } from './screen.ts';

const root = path.resolve(import.meta.dirname, '../..');
const WIDTHS = [40, 80, 200];
const ROWS = 24;
/** A title of the window that nobody sees: the shell waits for a command. */
const READY = '\u001b]0;ready\u0007';

/** What most people try first, and what they do then. */
const COMMANDS = [
  'ls photos',
  'imgcls photos/',
  'imgcls label photos/cat.jpg',
  'imgcls results',
  'imgcls jobs',
  'imgcls upload .',
  'imgcls results --level category',
  'imgcls find drink',
  'imgcls photos/cat.HEIC',
  'imgcls tag photos/ --dry-run',
  'imgcls sort photos/ --into sorted/',
  'ls sorted',
  'imgcls sort --undo sorted/',
  'imgcls results -f csv | head -2',
  'imgcls up',
  'imgcls help',
  'imgcls -h | head -3',
  'imgcls --version',
];
/** A service runs until Ctrl-C, and says so. */
const STOPPING: Readonly<Record<string, Keys>> = { 'imgcls up': { after: 'Ctrl-C', press: CTRL_C } };

/** A folder of a person, with photographs and with `imgcls` on the path. */
async function openHome(): Promise<{ home: string; env: NodeJS.ProcessEnv }> {
  const home = await mkdtemp(path.join(tmpdir(), 'imgcls-recording-'));
  await mkdir(path.join(home, 'bin'));
  await symlink(path.join(root, 'bin', 'imgcls.js'), path.join(home, 'bin', 'imgcls'));
  await cp(path.join(root, 'samples'), path.join(home, 'photos'), {
    recursive: true,
    filter: (file) => !/\.(md|txt)$/.test(file),
  });
  const PATH = [path.join(home, 'bin'), path.dirname(process.execPath), process.env.PATH].join(
    path.delimiter,
  );
  return { home, env: { PATH, HOME: home, IMGCLS_DATA_DIR: path.join(home, 'data') } };
}

async function record(python: string, columns: number): Promise<Written[]> {
  const { home, env } = await openHome();
  try {
    const keys = [...COMMANDS, 'exit'].flatMap((command): Keys[] => {
      const stopping = STOPPING[command];
      return [{ after: READY, press: `${command}\r` }, ...(stopping ? [stopping] : [])];
    });
    const bash = `cd ${home} && exec env PS1="$PROMPT" HISTFILE= bash --norc --noprofile`;
    const { written } = await onTerminal(python, bash, {
      columns,
      rows: ROWS,
      env: { ...env, PROMPT: `\\[${READY}\\]$ ` },
      keys,
    });
    return written;
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

const castOf = (written: readonly Written[], columns: number) =>
  [{ version: 2, width: columns, height: ROWS }, ...written.map(([seconds, text]) => [seconds, 'o', text])]
    .map((line) => `${JSON.stringify(line)}\n`)
    .join('');

const folder = process.argv[2];
const python = findPython();
if (folder === undefined || python === undefined) throw new Error('Usage: npm run recording -- FOLDER');
await mkdir(folder, { recursive: true });
for (const columns of WIDTHS) {
  const written = await record(python, columns);
  const file = path.join(folder, `first-minutes-${columns}`);
  const seen = written.map(([, text]) => text).join('');
  await writeFile(`${file}.cast`, castOf(written, columns));
  await writeFile(`${file}.svg`, await draw(written, columns, ROWS));
  await writeFile(`${file}.txt`, (await screenAfter(seen, columns)).join('\n'));
  console.log(file);
}

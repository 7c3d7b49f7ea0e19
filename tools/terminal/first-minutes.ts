/**
 * Records the first minutes of a new user: `npm run recording -- FOLDER`. Writes what each of three terminals shows, as a
 * recording for asciinema (.cast), as a moving picture (.svg), and line by line (.txt).
 */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { draw } from './drawing.ts';
import { CTRL_C, findPython, type Keys, type Written } from './pseudo-terminal.ts';
import { record } from './record.ts';
import { screenAfter } from './screen.ts';

const WIDTHS = [40, 80, 200];
const ROWS = 24;

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

const castOf = (written: readonly Written[], columns: number) =>
  [{ version: 2, width: columns, height: ROWS }, ...written.map(([seconds, text]) => [seconds, 'o', text])]
    .map((line) => `${JSON.stringify(line)}\n`)
    .join('');

const folder = process.argv[2];
const python = findPython();
if (folder === undefined || python === undefined) throw new Error('Usage: npm run recording -- FOLDER');
await mkdir(folder, { recursive: true });
for (const columns of WIDTHS) {
  const written = await record(
    python,
    COMMANDS.map((command) => ({ command, stop: STOPPING[command] })),
    { columns, rows: ROWS },
  );
  const file = path.join(folder, `first-minutes-${columns}`);
  const seen = written.map(([, text]) => text).join('');
  await writeFile(`${file}.cast`, castOf(written, columns));
  await writeFile(`${file}.svg`, await draw(written, columns, ROWS));
  await writeFile(`${file}.txt`, (await screenAfter(seen, columns)).join('\n'));
  console.log(file);
}

/** Makes the moving picture of the README: `npm run pictures:terminal`. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { draw } from './drawing.ts';
import { findPython } from './pseudo-terminal.ts';
import { record } from './record.ts';

const SIZE = { columns: 78, rows: 30 };
const COMMANDS = ['imgcls photos/', 'imgcls find drink', 'imgcls tag photos/ --dry-run | head -4'];
const file = path.resolve(import.meta.dirname, '../../docs/img/terminal.svg');

const python = findPython();
if (python === undefined) throw new Error('No Python 3 found; it opens the terminal. Install Python 3.');
const written = await record(
  python,
  COMMANDS.map((command) => ({ command })),
  SIZE,
);
await writeFile(file, await draw(written, SIZE.columns, SIZE.rows));
console.log(file);

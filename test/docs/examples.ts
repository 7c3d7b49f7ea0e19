/** Programs in docs: the examples of the library's symbols, and the blocks of TypeScript in pages. */
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { type Page, pages, repository } from './pages.ts';

export interface Example {
  /** `src/imgcls-client.ts:31`. */
  place: string;
  code: string;
}

/** Only those that a reader can run as they are: they import the library. */
const isProgram = ({ code }: Example): boolean => /from 'imgcls'/.test(code);

/** The reference has the examples of the source again. */
const isWritten = ({ file }: Page): boolean => !file.startsWith('docs/reference/');

function examplesIn(file: string): Example[] {
  const text = readFileSync(path.join(repository, file), 'utf8');
  return [...text.matchAll(/^( *) \* ```ts\n([\s\S]*?)^ *\* ```$/gm)].map(
    ({ index, 1: indent = '', 2: lines = '' }) => ({
      place: `${file}:${text.slice(0, index).split('\n').length}`,
      code: lines.replaceAll(new RegExp(`^${indent} \\* ?`, 'gm'), ''),
    }),
  );
}

const LIBRARY = [
  'src/index.ts',
  'src/imgcls-client.ts',
  'src/client/*.ts',
  'src/core/**/*.ts',
  'src/results/*.ts',
  'src/upload/*.ts',
];

export const examples: readonly Example[] = [
  ...globSync(LIBRARY, { cwd: repository }).sort().flatMap(examplesIn),
  ...pages
    .filter(isWritten)
    .flatMap(({ file, blocks }) =>
      blocks
        .filter(({ language }) => language === 'ts')
        .map(({ line, text }) => ({ place: `${file}:${line}`, code: `${text}\n` })),
    ),
].filter(isProgram);

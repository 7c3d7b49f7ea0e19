import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { libraryPage, libraryProgram } from '../../tools/docs/library.ts';
import { REFERENCE } from '../../tools/docs/reference.ts';
import { examples } from './examples.ts';
import { pages, repository } from './pages.ts';

const run = promisify(execFile);
const LIBRARY = path.join(repository, 'src/index.ts');
const REFERENCE_PAGE = 'docs/reference/library.md';
/** What other options consist of. */
const BASES = ['ReadingOptions', 'SubmissionOptions', 'SubmitJob'];

let folder: string;
let files: string[];
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'imgcls-examples-'));
  files = examples.map((_, at) => path.join(folder, `example-${at}.ts`));
  await writeFile(path.join(folder, 'package.json'), '{ "type": "module" }');
  for (const [at, { code }] of examples.entries())
    await writeFile(files[at] ?? '', code.replaceAll("from 'imgcls'", `from '${LIBRARY}'`));
  await cp(path.join(repository, 'samples'), path.join(folder, 'photos'), { recursive: true });
});
afterAll(() => rm(folder, { recursive: true }));

/** Where a message is about: the page or the source, not its copy. */
const inPlace = (text: string): string =>
  examples.reduce((found, { place }, at) => found.replaceAll(files[at] ?? '', place), text);

describe('programs in docs', () => {
  it('are found', () => {
    expect(examples.length).toBeGreaterThan(12);
  });

  it('use every symbol of the library, and its reference says what each is', () => {
    const prose = pages.find(({ file }) => file === REFERENCE_PAGE)?.prose.join('\n') ?? '';
    const sections = prose.split(/^## /m).slice(1);
    const named = sections.map((section) => /^\w+/.exec(section)?.[0] ?? '');
    const used = (name: string) =>
      examples.some(({ code }) =>
        new RegExp(`^import [^;]*\\b${name}\\b[^;]* from 'imgcls'`, 'm').test(code),
      );
    expect(named.length).toBeGreaterThan(25);
    expect(named.filter((name) => !used(name))).toEqual(BASES);
    expect(sections.filter((section) => !/^\w+\n+[A-Z[]/.test(section))).toEqual([]);
  });

  it('compile, and the reference of the library is what "npm run docs:reference" makes from it', async () => {
    const program = libraryProgram(files);
    // First: the order of the parts of a union is that in which the compiler has met them.
    const page = libraryPage(program);
    const problems = files
      .map((file) => program.getSourceFile(file))
      .flatMap((source) => [
        ...program.getSyntacticDiagnostics(source),
        ...program.getSemanticDiagnostics(source),
      ])
      .map(({ file, messageText }) =>
        inPlace(`${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`),
      );
    expect(problems).toEqual([]);
    expect(await readFile(path.join(REFERENCE, 'library.md'), 'utf8')).toBe(page);
  });

  it('run on one machine, one after the other, and print something', async () => {
    const main = path.join(folder, 'main.ts');
    const runs = files.map((file) => `console.log('RUN ${file}');\nawait import('${file}');\n`);
    await writeFile(main, runs.join(''));
    const env = { ...process.env, IMGCLS_DATA_DIR: path.join(folder, 'data'), XDG_CONFIG_HOME: folder };
    const { stdout } = await run(process.execPath, ['--disable-warning=ExperimentalWarning', main], {
      cwd: folder,
      env,
    }).catch((error: { stdout: string; stderr: string }) => {
      throw new Error(inPlace(`${error.stdout}\n${error.stderr}`));
    });
    const printed = stdout.split(/^RUN .*\n/m).slice(1);
    expect(
      printed.map((text, at) => (text === '' ? examples[at]?.place : '')).filter((place) => place !== ''),
    ).toEqual([]);
    expect(printed).toHaveLength(files.length);
  });
});

import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type InstalledPackage, installPackage, repository, start } from './package.ts';

let installed: InstalledPackage;
let dataDir: string;
let witness: string;
beforeAll(async () => {
  installed = await installPackage();
  dataDir = await installed.dataDir();
  witness = path.join(dataDir, 'witness.mjs');
  // Records every module that is loaded, by import or by require.
  await writeFile(
    witness,
    `import { appendFileSync } from 'node:fs';
     import { registerHooks } from 'node:module';
     registerHooks({
       load(url, context, next) {
         appendFileSync(process.env.WITNESS_FILE, url + '\\n');
         return next(url, context);
       },
     });`,
  );
});
afterAll(() => installed.remove());

/** The URLs of the modules that a command loads. */
async function loadedBy(args: string[]): Promise<string[]> {
  const file = path.join(dataDir, `loaded-${args.join('-').replaceAll('/', '-')}`);
  await writeFile(file, '');
  const env = { NODE_OPTIONS: `--import ${witness}`, WITNESS_FILE: file };
  const { code, stderr } = await start(installed.bin, dataDir, args, env).finished;
  expect(code, stderr).toBe(0);
  return (await readFile(file, 'utf8')).split('\n');
}

/** Of the package, besides the program itself: what starts a command, and its own code. */
const MOST_FILES = 12;

const HEAVY =
  /\/node_modules\/(sharp|@img|onnxruntime-[a-z]+|@aws-sdk|@smithy|jimp|@jimp|zod|pino|ora|cli-table3)\//;

describe('submitting images', () => {
  it('loads few files, and nothing that only a terminal or a worker needs', async () => {
    const image = path.join(repository, 'samples', 'cat.jpg');
    const loaded = await loadedBy(['upload', image, '--no-wait']);
    expect(
      loaded.filter((url) => HEAVY.test(url) || /string-width|node:(child_process|net|process)/.test(url)),
    ).toEqual([]);
    // Each takes half a millisecond.
    expect(loaded.filter((url) => url.startsWith('file:')).length).toBeLessThanOrEqual(MOST_FILES);
  });
});

describe('looking at a cluster on one machine', () => {
  it('loads no SDK, decoder or model runtime', async () => {
    const heavy = /\/node_modules\/(@aws-sdk|@smithy|sharp|onnxruntime-[a-z]+)\//;
    expect((await loadedBy(['status'])).filter((url) => heavy.test(url))).toEqual([]);
  });
});

describe('help', () => {
  it.each([
    [['--help']],
    [['upload', '--help']],
    [['results', '--help']],
    [['status', '--help']],
    [['worker', '--help']],
    [['model', '--help']],
    [['config', '--help']],
    [['deploy', '--help']],
    [['destroy', '--help']],
    [['doctor', '--help']],
  ])('of %j loads no decoder, model runtime, SDK or other heavy module', async (args) => {
    expect((await loadedBy(args)).filter((url) => HEAVY.test(url))).toEqual([]);
  });

  it('is not trusted blindly: verifying a model loads the model runtime', async () => {
    const loaded = await loadedBy(['model', 'verify', 'efficientnet-lite0']);
    expect(loaded.some((url) => /\/node_modules\/onnxruntime-node\//.test(url))).toBe(true);
  });

  it('names defaults', async () => {
    const { stdout } = await start(installed.bin, dataDir, ['upload', '--help']).finished;
    expect(stdout).toMatch(/--top-k <n>[^-]*json and ndjson\s+\(default:\s+5\)/);
    expect(stdout).toMatch(/--concurrency <n>[^-]*\(default:\s+16\)/);
  });

  it('names every command', async () => {
    const { stdout } = await start(installed.bin, dataDir, ['--help']).finished;
    for (const command of [
      'upload',
      'results',
      'status',
      'worker',
      'model',
      'config',
      'deploy',
      'destroy',
      'doctor',
    ])
      expect(stdout).toContain(command);
  });
});

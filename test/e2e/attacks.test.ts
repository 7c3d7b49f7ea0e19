import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../src/bench/random.ts';
import { type AttackFolder, hostileNames, writeAttackFolder } from './attack-files.ts';
import { encodings, mutants } from './mutate.ts';
import {
  type Finished,
  type InstalledPackage,
  inDataDir,
  installPackage,
  ofProcess,
  processesOf,
  repository,
  start,
  USUAL_RUNNERS,
} from './package.ts';

const samples = path.join(repository, 'samples');
const MEBIBYTE = 2 ** 20;

/**
 * A runner decodes at most one image completely at a time (up to 1 GiB). It also holds the runtime and the model
 * (150 MiB), rows of another image, and the encoded bytes of two requests. Measured: 0.5 GiB.
 */
const RUNNER_BYTES = 1536 * MEBIBYTE;
/** Other processes decode nothing. */
const OTHER_BYTES = 512 * MEBIBYTE;

let installed: InstalledPackage;
beforeAll(async () => {
  installed = await installPackage();
});
afterAll(() => installed.remove());

interface Line {
  name: string;
  label?: string;
  error?: { code: string; message: string };
}
const ndjson = (text: string): Line[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

/** All files in a folder with size and modification time, to detect changes. */
async function snapshot(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const seen = entries.map(async (entry) => {
    const file = path.join(entry.parentPath, entry.name);
    if (!entry.isFile()) return file;
    // Node cannot find a file again whose name is not UTF-8.
    const found = await stat(file).catch(() => undefined);
    return `${file} ${found?.size} ${found?.mtimeMs}`;
  });
  return (await Promise.all(seen)).sort();
}

/** Peak memory in bytes of one process, by kind. */
interface MemoryPeaks {
  runner: number;
  other: number;
}

/** Records the peak memory of the processes until `stop`. */
function watchMemory(dataDir: string): { stop(): Promise<MemoryPeaks> } {
  const peaks = { runner: 0, other: 0 };
  const stopping = new AbortController();
  const sample = async () => {
    for (const pid of await processesOf(dataDir)) {
      const kind = ofProcess(pid, 'cmdline').includes('runner-main') ? 'runner' : 'other';
      const bytes = 1024 * Number(/VmHWM:\s+(\d+)/.exec(ofProcess(pid, 'status'))?.[1] ?? 0);
      peaks[kind] = Math.max(peaks[kind], bytes);
    }
  };
  const watching = (async () => {
    while (!stopping.signal.aborted) {
      await sample();
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  })();
  return {
    async stop() {
      stopping.abort();
      await watching;
      return peaks;
    },
  };
}

/** Characters that control a terminal or reorder text, except line ends (LF, in CSV CRLF). */
const STEERING =
  /(?!\r?\n)[\u0000-\u001f\u007f-\u009f\u061c\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

describe('a folder of hostile files', () => {
  let root: string;
  let dataDir: string;
  let attack: AttackFolder;
  let upload: Finished;
  let job: string;
  let peaks: MemoryPeaks;
  let filesBefore: string[];
  let filesAfter: string[];
  let processesAfter: number[];

  // Once, for all tests: each of them can run alone.
  beforeAll(async () => {
    root = await installed.emptyFolder();
    dataDir = path.join(root, 'data');
    for (const name of ['data', 'temporary', 'home']) await mkdir(path.join(root, name));
    attack = await writeAttackFolder(
      { folder: path.join(root, 'attack'), outside: path.join(root, 'outside') },
      path.join(samples, 'cat.jpg'),
    );
    const filesOutside = async () => (await snapshot(root)).filter((file) => !file.startsWith(dataDir));
    filesBefore = await filesOutside();
    const memory = watchMemory(dataDir);
    upload = await start(installed.bin, dataDir, ['upload', '../attack', '--format', 'ndjson'], {
      ...USUAL_RUNNERS,
      TMPDIR: path.join(root, 'temporary'),
      HOME: path.join(root, 'home'),
      // Node's own cache, not part of what is tested.
      NODE_DISABLE_COMPILE_CACHE: '1',
    }).finished;
    peaks = await memory.stop();
    processesAfter = await processesOf(dataDir);
    filesAfter = await filesOutside();
    job = /job (\w{26})/.exec(upload.stderr)?.[1] ?? '';
  }, 180_000);
  afterAll(() => attack.close());

  it('gives every file its outcome, or skips it with the reason', () => {
    const { code, stdout, stderr } = upload;
    expect(code, stderr).toBe(3);
    const lines = ndjson(stdout);
    expect(lines.map(({ name }) => name).sort()).toEqual(Object.keys(attack.expected).sort());
    expect(Object.fromEntries(lines.map(({ name, error }) => [name, error?.code]))).toEqual(attack.expected);
    for (const [reason, count] of Object.entries(attack.skipped)) {
      const names = `(?:.+?\\.jpg"?(?:, )?){${Math.min(count, 3)}}`;
      const others = count > 3 ? ` and ${count - 3} more` : '';
      expect(stderr).toMatch(new RegExp(`Skipped ${names}${others}: ${reason}\\.\n`));
    }
    expect(stdout + stderr).not.toMatch(STEERING);
  });

  it('neither writes nor executes anything outside the data folder', () => {
    expect(upload.code, upload.stderr).toBe(3);
    expect(filesAfter).toEqual(filesBefore);
  });

  it('costs bounded memory, and leaves no process', () => {
    expect(processesAfter).toEqual([]);
    expect(peaks.runner, 'bytes of a runner').toBeLessThan(RUNNER_BYTES);
    expect(peaks.other, 'bytes of any other process').toBeLessThan(OTHER_BYTES);
    expect(peaks.runner, 'a runner was measured').toBeGreaterThan(0);
  });

  it.each(['csv', 'lines', 'json'])(
    'cannot send control characters to a terminal in names, as %s',
    async (format) => {
      const args = ['results', job, '--format', format];
      const { stdout, stderr } = await start(installed.bin, dataDir, args).finished;
      expect(stdout.length).toBeGreaterThan(0);
      expect(stdout + stderr).not.toMatch(STEERING);
    },
  );

  it('cannot add a cell to a table, or send other control characters in it', async () => {
    const { stdout, stderr } = await start(installed.bin, dataDir, ['results', job, '--format', 'table'])
      .finished;
    const rows = stdout.slice(0, -1).split('\n');
    expect(new Set(rows.map((row) => row.split('\t').length))).toEqual(new Set([4]));
    expect(stdout.replaceAll('\t', '') + stderr).not.toMatch(STEERING);
  });

  it('yields a CSV with one row per image and no name that a spreadsheet would execute', async () => {
    const { stdout } = await start(installed.bin, dataDir, ['results', job, '--format', 'csv']).finished;
    const rows = stdout.trimEnd().split('\r\n').slice(1);
    expect(rows).toHaveLength(Object.keys(attack.expected).length);
    const cells = rows.map((row) => /^\d+,"?(.)/.exec(row)?.[1]);
    for (const first of cells) expect(first).not.toMatch(/[=+\-@\t\r＝＋－＠]/);
    const formulas = hostileNames.filter((name) => /^[=+\-@＝]/.test(name));
    expect(cells.filter((first) => first === "'")).toHaveLength(formulas.length);
  });
});

describe('special files given as inputs', () => {
  /** Some may be absent in a container. */
  const special = [
    '/dev/zero',
    '/dev/tty',
    '/proc/self/status',
    '/proc/self/mem',
    '/proc/kcore',
    '/proc/kmsg',
  ];
  const named = ['pipe.jpg', ...special.filter((file) => existsSync(file))];

  const run = (dataDir: string, args: string[], input: string | Buffer = '') =>
    spawnSync(process.execPath, [installed.bin, 'upload', ...args, '--format', 'ndjson'], {
      cwd: dataDir,
      input,
      encoding: 'utf8',
      timeout: 60_000,
      env: { ...process.env, ...inDataDir(dataDir) },
    });

  const folderWithPipe = async () => {
    const dataDir = await installed.dataDir();
    spawnSync('mkfifo', [path.join(dataDir, 'pipe.jpg')]);
    return dataDir;
  };

  it('do not block: devices and pipes are skipped, and files in /proc get an error', async () => {
    const dataDir = await folderWithPipe();
    const { status, stdout, stderr } = run(dataDir, [
      ...named,
      path.join(samples, 'cat.jpg'),
      '--include',
      '**',
    ]);
    expect(status, stderr).toBe(3);
    const lines = ndjson(stdout);
    for (const { name, error } of lines.filter(({ label }) => label === undefined)) {
      expect(name).toMatch(/^\/proc\//);
      expect(error?.code).toMatch(/^(changed|unreadable|too_large|missing|not_an_image)$/);
    }
    expect(lines.filter(({ label }) => label !== undefined)).toHaveLength(1);
    const skipped = named.filter((file) => !file.startsWith('/proc/')).join(', ');
    expect(stderr).toContain(`Skipped ${skipped}: not a regular file.`);
  });

  it.each(['/dev/zero', 'pipe.jpg'])('are a usage error if nothing else is given: %s', async (input) => {
    const { status, stdout, stderr } = run(await folderWithPipe(), [input]);
    expect(stderr).toMatch(/: not a regular file/);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  });

  it.each([
    ['lines', '\n'],
    ['NULs', '\0'],
  ])('can come from a list of %s, with relative paths and impossible names', async (_how, end) => {
    const dataDir = await folderWithPipe();
    const climbing = `../${path.basename(dataDir)}/../${path.basename(dataDir)}/cat.jpg`;
    await writeFile(path.join(dataDir, 'cat.jpg'), await readFile(path.join(samples, 'cat.jpg')));
    const list = ['/dev/zero', 'pipe.jpg', climbing, '../../../../../etc/passwd', '-rf', '=cmd()'];
    const { status, stdout, stderr } = run(dataDir, ['-'], list.map((name) => `${name}${end}`).join(''));
    expect(status, stderr).toBe(3);
    expect(ndjson(stdout).map(({ name, error }) => [name, error?.code])).toEqual([
      [climbing, undefined],
      ['../../../../../etc/passwd', expect.stringMatching(/missing|not_an_image/)],
      ['-rf', 'missing'],
      ['=cmd()', 'missing'],
    ]);
    expect(await processesOf(dataDir)).toEqual([]);
  });

  it.each([
    ['one endless line', 'a', /A line on standard input has more than/],
    ['zeros alone', '\0', /not a list of paths: it has two NUL characters in a row/],
  ])('are a usage error, not exhausted memory, if a list is %s', async (_what, fill, message) => {
    const { status, stderr } = run(await installed.dataDir(), ['-'], Buffer.alloc(MEBIBYTE, fill));
    expect(stderr).toMatch(message);
    expect(status).toBe(2);
  });
});

/** Each encoding is damaged about nine times, in eight ways. */
const DAMAGED_COPIES = 110;

describe('damaged copies of a photograph in every encoding', () => {
  /** Errors of the image itself: no crash, no timeout, no error of the machine. */
  const imageErrors = ['not_an_image', 'truncated', 'unsupported_format', 'too_large'];

  it('get an outcome each, crash no process and finish in time', async () => {
    const dataDir = await installed.dataDir();
    const folder = path.join(dataDir, 'damaged');
    await mkdir(folder);
    const originals = await encodings(path.join(samples, 'cat.jpg'), 'cat');
    const written: string[] = [];
    for (const { name, bytes } of mutants(originals, DAMAGED_COPIES, new Random(20_260_101))) {
      await writeFile(path.join(folder, name), bytes);
      written.push(name);
    }
    const memory = watchMemory(dataDir);
    const { code, stdout, stderr } = await start(installed.bin, dataDir, [
      'upload',
      folder,
      '--format',
      'ndjson',
    ]).finished;
    const peaks = await memory.stop();
    expect(code, stderr).toBe(3);
    const lines = ndjson(stdout);
    expect(lines.map(({ name }) => name)).toEqual(written);
    const unexpected = lines.filter(({ error }) => error !== undefined && !imageErrors.includes(error.code));
    expect(unexpected).toEqual([]);
    expect(lines.filter(({ label }) => label !== undefined).length, 'labelled copies').toBeGreaterThan(
      DAMAGED_COPIES / 11,
    );
    expect(peaks.runner).toBeLessThan(RUNNER_BYTES);
    expect(await processesOf(dataDir)).toEqual([]);
  }, 120_000);
});

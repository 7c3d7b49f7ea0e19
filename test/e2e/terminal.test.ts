import { copyFile, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findPython, onTerminal } from '../../tools/terminal/pseudo-terminal.ts';
import { screenAfter } from '../../tools/terminal/screen.ts';
import { type InstalledPackage, inDataDir, installPackage, repository } from './package.ts';

const samples = path.join(repository, 'samples');
const python = findPython();
const SPINNER = /[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]/;

let installed: InstalledPackage;
let dataDir: string;
let photos: string;
beforeAll(async () => {
  installed = await installPackage();
  dataDir = await installed.dataDir();
  photos = path.join(dataDir, 'photos');
  await mkdir(photos);
  for (let at = 0; at < 60; at++)
    await copyFile(
      path.join(samples, 'cat.jpg'),
      path.join(photos, `${String(at).padStart(3, '0')}-cat.jpg`),
    );
});
afterAll(() => installed.remove());

const run = async (command: string, columns: number, env: NodeJS.ProcessEnv = {}) => {
  const program = `imgcls() { ${process.execPath} ${installed.bin} "$@"; }`;
  const { code, seen } = await onTerminal(python ?? '', `${program}; ${command}`, {
    columns,
    env: { ...env, ...inDataDir(dataDir) },
  });
  return { code, seen, screen: await screenAfter(seen, columns) };
};

describe.skipIf(python === undefined)('on a terminal', () => {
  it('progress never mixes with results that go through a pipe to the same terminal', async () => {
    const { screen, seen } = await run(`imgcls label ${photos} | cat`, 80);
    expect(seen, 'there was progress').toMatch(SPINNER);
    const results = screen.filter((line) => line.includes('cat.jpg'));
    expect(results).toEqual(
      results.map((_, at) => expect.stringMatching(`^${String(at).padStart(3, '0')}-cat\\.jpg, `)),
    );
    expect(results).toHaveLength(60);
    expect(screen.join('\n')).not.toMatch(SPINNER);
  });

  it('progress is gone when results are drawn', async () => {
    const { screen } = await run(`imgcls label ${samples}`, 80);
    expect(screen.join('\n')).not.toMatch(SPINNER);
    expect(screen.filter((line) => line.startsWith('│'))).toHaveLength(13);
  });

  it.each([40, 80, 200])('no table is wider than %i columns', async (columns) => {
    const commands = ['results', 'jobs', 'model list', 'config'];
    const { seen, code } = await run(
      commands.map((command) => `imgcls ${command} 2>/dev/null`).join(' && '),
      columns,
    );
    expect(code, seen).toBe(0);
    const lines = stripVTControlCharacters(seen).split('\r\n');
    expect(lines.filter((line) => [...line].length > columns)).toEqual([]);
    expect(lines.filter((line) => line.startsWith('┌'))).toHaveLength(3);
  });

  it('errors are red and labels bold, unless NO_COLOR is set', async () => {
    const { seen } = await run(`imgcls label ${samples}/cat.jpg; imgcls results nosuch`, 80);
    expect(seen).toMatch(/\u001b\[1mtiger cat\u001b\[22m/);
    expect(seen).toMatch(/\u001b\[31merror:\u001b\[39m No job nosuch/);
    const plain = await run('imgcls results; imgcls results nosuch', 80, { NO_COLOR: '1' });
    expect(plain.seen).not.toMatch(/\u001b\[\d*m/);
  });

  it('--quiet leaves nothing but the results', async () => {
    const { screen } = await run(`imgcls -q label ${samples} -f lines`, 80);
    expect(screen.filter((line) => line !== '')).toHaveLength(12);
  });

  it('the log of a service is text', async () => {
    const { code, seen } = await run('imgcls worker --once', 80);
    expect(code, seen).toBe(0);
    expect(seen).toMatch(/^\d\d:\d\d:\d\d Worker started\./m);
    expect(seen).not.toContain('{"level"');
  });
});

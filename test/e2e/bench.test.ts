/** `imgcls bench` on one machine: few images, once, so that it is the command that is tested and not the machine. */
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { benchReport } from '../../src/bench/bench-report.ts';
import { type InstalledPackage, installPackage, processesWith, repository, start } from './package.ts';

const samples = path.join(repository, 'samples');

let installed: InstalledPackage;
beforeAll(async () => {
  installed = await installPackage();
});
afterAll(() => installed.remove());

/** A data folder in which everything temporary stays, too. */
async function place() {
  const dataDir = await installed.emptyFolder();
  const temporary = path.join(dataDir, 'temporary');
  await mkdir(temporary);
  const bench = (...args: string[]) =>
    start(installed.bin, dataDir, ['bench', ...args], { TMPDIR: temporary });
  const leftOver = async () => {
    const folders = (await readdir(temporary)).filter((name) => name.startsWith('imgcls-bench-run'));
    return [...folders, ...(await processesWith(`TMPDIR=${temporary}`))];
  };
  return { dataDir, temporary, bench, leftOver };
}

describe('imgcls bench', () => {
  it('measures, checks and reports, and compares with that report the next time; nothing is left', async () => {
    const { dataDir, bench, leftOver } = await place();
    // Without a folder: from the photographs that come with the package.
    const scenarios = ['--scenario', 'medium-3', 'upload-only', 'boot', '--count', '3'];
    const once = ['--repeat', '1', '--boots', '1', '--format', 'json', '--output', 'report.json'];
    const first = await bench(...scenarios, ...once).finished;
    expect({ code: first.code, stdout: first.stdout }, first.stderr).toEqual({ code: 0, stdout: '' });
    const report = benchReport.parse(JSON.parse(await readFile(path.join(dataDir, 'report.json'), 'utf8')));
    expect(report.scenarios.map(({ name, samplesMs }) => [name, samplesMs.length])).toEqual([
      ['medium-3-cold', 1],
      ['medium-3-warm', 1],
      ['upload-only', 1],
      ['boot', 1],
    ]);
    expect(report.correctness).toMatchObject({ isCorrect: true, imagesChecked: 9, problems: [] });
    const boot = report.scenarios.at(-1);
    expect(boot?.milestones?.map(({ name }) => name)).toContain('modelReadyMs');
    expect(boot?.milestones?.at(-1)?.summary.medianMs).toBeCloseTo(boot?.summary?.medianMs ?? 0);
    expect(boot?.timesFaster).toBeGreaterThan(1);

    const again = ['--scenario', 'upload-only', '--count', '3', '--repeat', '1'];
    const second = await bench(...again, '--format', 'html', '--compare', 'report.json').finished;
    expect(second.code, second.stderr).toBe(0);
    expect(second.stdout).toContain('too few repetitions');
    expect(await leftOver()).toEqual([]);
    expect(await readdir(dataDir), 'the data folder of its user is only read').toEqual([
      'report.json',
      'temporary',
    ]);
  });

  it('fails when results are wrong, after writing the report', async () => {
    const { dataDir, bench } = await place();
    const folder = path.join(dataDir, 'photos');
    await mkdir(folder);
    await copyFile(path.join(samples, 'cat.jpg'), path.join(folder, 'a.jpg'));
    await writeFile(path.join(folder, 'b.jpg'), 'no picture');
    const args = ['--scenario', 'medium-2-cold', '--count', '2', '--repeat', '1', '--images', folder];
    const { code, stdout, stderr } = await bench(...args).finished;
    expect(code, stderr).toBe(1);
    expect(stdout).toMatch(/WRONG {4}2 outcomes\n.*000001\.jpg has the error not_an_image/);
    expect(stderr).toMatch(/Results were wrong/);
  });

  it('leaves no process and no file behind after an interrupt', async () => {
    const { temporary, bench, leftOver } = await place();
    const running = bench('--scenario', 'medium-300-cold', '--count', '300', '--images', samples);
    await expect
      .poll(() => processesWith(`TMPDIR=${temporary}`).then((found) => found.length), { timeout: 60_000 })
      .toBeGreaterThan(3);
    running.kill('SIGINT');
    const { code, stdout, stderr } = await running.finished;
    expect({ code, stdout }, stderr).toEqual({ code: 130, stdout: '' });
    expect(await leftOver()).toEqual([]);
  });

  it.each([
    [['--scenario', 'nosuch'], /No scenario matches "nosuch".*\n.*medium-20-cold/],
    [['--count', '0'], /--count must be 1 to 100000, not 0/],
    [['--repeat', '51'], /--repeat must be 1 to 50, not 51/],
    [['--repeat', 'x'], /whole number/],
    [['--format', 'markdown'], /cannot be written as markdown/],
    [['--compare', 'nowhere.json'], /Cannot read nowhere\.json/],
    [['--max', '3'], /--max is only for --simulate/],
    [['--simulate', 'burst', '--repeat', '2'], /--repeat cannot be used with --simulate/],
    [['--simulate', 'burst', '--format', 'html'], /cannot be written as html/],
    [['--images', 'nowhere', '--scenario', 'boot'], /Cannot read the folder nowhere/],
    [['--model', 'nosuch', '--scenario', 'boot'], /nosuch.* is not installed/],
    [['--cloud', 'aws'], /needs? inputBucket|On AWS there is no default model/],
  ])('answers %j with a message', async (args, words) => {
    const { bench, leftOver } = await place();
    const { code, stdout, stderr } = await bench(...args).finished;
    expect(stderr).toMatch(words);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(await leftOver()).toEqual([]);
  });
});

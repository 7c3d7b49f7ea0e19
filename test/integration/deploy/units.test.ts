/** Checks the systemd units with systemd-analyze, and the scripts with shellcheck. */
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_RUNNER_LIMITS } from '../../../src/worker/runners/runner.ts';
import { repository } from '../../e2e/package.ts';
import { hasTool } from '../tools.ts';

const run = promisify(execFile);
const systemd = path.join(repository, 'deploy/systemd');
const UNITS = readdirSync(systemd).filter((name) => name.endsWith('.service'));
const MOST_EXPOSURE = 3;

describe.skipIf(!hasTool('systemd-analyze', 'systemd'))('the units', () => {
  /** A root folder with our units among those of the system, and the programs that they start. */
  let root: string;
  beforeAll(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'imgcls-units-'));
    const units = path.join(root, 'usr/lib/systemd/system');
    await cp('/usr/lib/systemd/system', units, { recursive: true, verbatimSymlinks: true });
    await cp(systemd, units, { recursive: true });
    for (const program of ['usr/bin/imgcls', 'usr/bin/systemctl', 'bin/bash', 'bin/sh']) {
      const file = path.join(root, program);
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(file, '#!/bin/sh\n');
      await chmod(file, 0o755);
    }
  });
  afterAll(() => rm(root, { recursive: true }));

  it('are correct', async () => {
    const { stdout, stderr } = await run('systemd-analyze', [
      'verify',
      '--man=no',
      `--root=${root}`,
      ...UNITS,
    ]);
    expect(stdout + stderr).toBe('');
  });

  it.each(UNITS)(`leave little to get at: %s`, async (unit) => {
    const { stdout } = await run('systemd-analyze', ['security', '--offline=true', `--root=${root}`, unit]);
    const exposure = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(stdout)?.[1]);
    expect(exposure).toBeLessThan(MOST_EXPOSURE);
  });

  it.each(['worker', 'web'])('confine processes that decode images: %s', async (role) => {
    const text = await readFile(path.join(systemd, `imgcls-${role}.service`), 'utf8');
    expect(text).toMatch(
      /^Environment="IMGCLS_RUNNERS_UNDER=\/usr\/bin\/python3 -IS \S+\/deploy\/systemd\/confine\.py"$/m,
    );
    expect(text).toMatch(
      /^SystemCallFilter=landlock_create_ruleset landlock_add_rule landlock_restrict_self$/m,
    );
  });

  it('give a worker enough time to finish the requests in a runner', async () => {
    const text = await readFile(path.join(systemd, 'imgcls-worker.service'), 'utf8');
    const stopMs = 1000 * Number(/^TimeoutStopSec=(\d+)$/m.exec(text)?.[1]);
    // Two requests in each runner, with twice the time of an image for a full one; then shards and responses.
    expect(stopMs).toBeGreaterThan(2 * 2 * DEFAULT_RUNNER_LIMITS.imageMs + 30_000);
  });
});

describe.skipIf(process.platform !== 'linux')('read-ahead.sh', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'imgcls-read-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  /** Puts a program that records its arguments before those of the system. */
  async function record(program: string): Promise<void> {
    const file = path.join(folder, 'bin', program);
    await mkdir(path.dirname(file), { recursive: true });
    // One write for each line: many run at once.
    await writeFile(file, `#!/bin/sh\nprintf '%s\\n' "${program} $* " >>${folder}/calls\n`);
    await chmod(file, 0o755);
  }

  it('reads every part of the large files, and the small ones whole', async () => {
    await record('dd');
    await record('cat');
    const [large, small] = [path.join(folder, 'files/a large one'), path.join(folder, 'files/small')];
    await mkdir(path.dirname(large));
    await writeFile(large, Buffer.alloc(9 * 2 ** 20));
    await writeFile(small, 'x');
    const env = { ...process.env, PATH: `${folder}/bin:${process.env.PATH}` };
    await run('bash', [path.join(systemd, 'read-ahead.sh'), 'node', path.dirname(large)], { env });
    const calls = (await readFile(path.join(folder, 'calls'), 'utf8')).split('\n');
    const parts = calls.filter((call) => call.includes(large)).toSorted();
    expect(parts).toEqual(
      [0, 1, 2].map((n) => `dd of=/dev/null status=none bs=4M count=1 if=${large} skip=${n} `),
    );
    expect(calls.filter((call) => call.startsWith('cat ') && call.includes(` ${small} `))).toHaveLength(1);
    expect(calls.filter((call) => call.includes(process.execPath)).length).toBeGreaterThan(1);
  });
});

describe.skipIf(!hasTool('shellcheck', 'shellcheck'))('the scripts of a deployment', () => {
  it('are correct', async () => {
    const files = (await readdir(path.join(repository, 'deploy'), { recursive: true })).filter((name) =>
      name.endsWith('.sh'),
    );
    expect(files.length).toBeGreaterThan(0);
    const { stdout } = await run('shellcheck', files, { cwd: path.join(repository, 'deploy') });
    expect(stdout).toBe('');
  });
});

/** A clean Debian becomes an imgcls image, boots as an EC2 instance would, works, and is gone when its time is over. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { REQUIREMENTS, standInEnvironment } from '../contract/moto.ts';
import { pythonOf } from '../contract/python.ts';
import { until } from '../contract/until.ts';
import { packPackage, repository } from '../e2e/package.ts';
import { hasTool } from '../integration/tools.ts';
import { DebianRoot } from './debian-root.ts';

const TOOLS = { debootstrap: 'debootstrap', 'systemd-nspawn': 'systemd-container', ip: 'iproute2' };
const BUCKETS = { input: 'test-input', output: 'test-output' };
const USER_DATA = `#imgcls-environment
IMGCLS_ROLE=worker
IMGCLS_CLOUD=aws
IMGCLS_INPUT_BUCKET=${BUCKETS.input}
IMGCLS_OUTPUT_BUCKET=${BUCKETS.output}
AWS_REGION=us-east-1
AWS_ENDPOINT_URL=MOTO
`;
const SAMPLES = ['cat.jpg', 'coffee.jpg', 'mountains.jpg', 'rocket.jpg', 'tripod.png'];

/** @throws in CI where it cannot be: there, a skipped suite is a failed one. */
function canMakeMachines(): boolean {
  const hasTools = Object.entries(TOOLS).map(([program, debianPackage]) => hasTool(program, debianPackage));
  if (process.getuid?.() === 0) return hasTools.every((has) => has);
  if (process.env.CI) throw new Error('The tests of the image take root.');
  console.warn('SKIPPED. The tests of the image take root.');
  return false;
}

describe.skipIf(!canMakeMachines())('an image', () => {
  let root: DebianRoot;
  let scratch: string;
  let provisioned: string;

  beforeAll(async () => {
    await pythonOf(REQUIREMENTS);
    scratch = await mkdtemp(path.join(tmpdir(), 'imgcls-image-'));
    root = await DebianRoot.make();
    await root.put(await packPackage(scratch), '/root/imgcls.tgz');
    await root.put(path.join(repository, 'deploy/image/provision.sh'), '/root/provision.sh');
    provisioned = await root.execute(['bash', '/root/provision.sh', '--package', '/root/imgcls.tgz']);
  });
  afterAll(async () => {
    await root?.close();
    await rm(scratch, { recursive: true });
  });

  /** Of the image's files, by a shell within them. */
  const inside = (script: string) => root.run(['chroot', root.folder, 'sh', '-ec', script]);

  it('is made to the end, its samples classified', () => {
    expect(provisioned.trimEnd().split('\n').at(-1)).toMatch(/^imgcls-provision: OK \d+\.\d+\.\d+$/);
  });

  it('says at which step it failed', async () => {
    const failing = root.execute(['bash', '/root/provision.sh', '--package', '/root/imgcls.tgz', '--model']);
    await expect(failing).rejects.toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/imgcls-provision: FAILED arguments\n$/),
      stderr: expect.stringContaining('--model needs a value'),
    });
  });

  it('has Node, the package, its model for this CPU and what is compiled, and no means to change them', async () => {
    const modules = '/opt/imgcls/lib/node_modules/imgcls/node_modules';
    expect(await inside('imgcls --version')).toMatch(/^\d+\.\d+\.\d+$/m);
    expect(await inside(`ls ${modules}/onnxruntime-node/bin/*`)).toBe('linux\n');
    expect((await inside('ls /var/lib/imgcls/optimised-models')).trim().split('\n')).toHaveLength(1);
    expect(Number(await inside('ls /opt/imgcls/compile-cache/* | wc -l'))).toBeGreaterThan(100);
    expect(await inside('find /opt/imgcls ! -user root')).toBe('');
    expect(await inside('stat -c "%U %a" /var/lib/imgcls')).toBe('imgcls 700\n');
  });

  it('has nothing left of its making, and nothing that two machines must not share', async () => {
    expect(await inside('command -v npm || echo none')).toBe('none\n');
    expect(
      await inside('cat /etc/machine-id; ls /etc/ssh/ssh_host_* /var/lib/systemd/random-seed 2>&1 | wc -l'),
    ).toBe('2\n');
    expect(await inside('find /var/lib/apt/lists /var/log -type f; test ! -e /root/.npm')).toBe('');
  });

  it('boots straight into the worker its user data names, which classifies, and powers off after a spot notice', async () => {
    const child = fileURLToPath(new URL('./children/aws.ts', import.meta.url));
    const [program = '', ...args] = root.within(
      ['net'],
      [process.execPath, child, USER_DATA, BUCKETS.input, BUCKETS.output],
    );
    const aws = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const failed = once(aws, 'exit').then(() => Promise.reject(new Error('AWS does not stand in.')));
    failed.catch(() => {});
    const [ready] = await Promise.race([once(createInterface({ input: aws.stdout }), 'line'), failed]);
    const url = String(ready).replace('ready ', '');
    const machine = root.boot();
    const off = once(machine, 'exit');
    try {
      const { stdout } = await upload(url);
      const outcomes = stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
      expect(outcomes.map(({ name }) => name)).toEqual(SAMPLES);
      expect(outcomes.filter(({ label }) => label === undefined)).toEqual([]);

      const shown = await onMachine(machine.pid, 'systemctl show imgcls-worker.service');
      expect(shown).toMatch(/^ActiveState=active$/m);
      expect(shown).toMatch(/^StatusText=Takes messages\.$/m);
      expect(shown).toMatch(/^NRestarts=0$/m);
      expect(await onMachine(machine.pid, 'systemctl --failed --no-legend')).toBe('');

      aws.stdin.write(`${new Date().toISOString()}\n`);
      expect(await off).toEqual([0, null]);
      const journal = await root.run(['journalctl', '--no-pager', '-D', `${root.folder}/var/log/journal`]);
      expect(journal).toMatch(/"reason":"spot_notice".*The worker ends/);
      expect(journal).toMatch(/imgcls-worker\.service: Deactivated successfully/);
      expect(journal).not.toMatch(/Failed with result|Main process exited/);
    } finally {
      machine.kill('SIGKILL');
      aws.stdin.end();
      await failed.catch(() => {});
    }
  });

  /** From elsewhere in the network of the machine. */
  async function upload(url: string) {
    const samples = path.join(repository, 'samples');
    const imgcls = [process.execPath, path.join(repository, 'bin/imgcls.js')];
    const args = ['upload', samples, '--model', 'efficientnet-lite0', '--format', 'ndjson'];
    const [program = '', ...rest] = root.within(['net'], [...imgcls, ...args]);
    return await promisify(execFile)(program, rest, {
      cwd: scratch,
      env: {
        PATH: process.env.PATH,
        ...standInEnvironment(url),
        IMGCLS_DATA_DIR: scratch,
        IMGCLS_CLOUD: 'aws',
        IMGCLS_INPUT_BUCKET: BUCKETS.input,
        IMGCLS_OUTPUT_BUCKET: BUCKETS.output,
      },
    });
  }
});

/** By its first process, the only child of the one that runs it. */
async function onMachine(pid: number | undefined, command: string): Promise<string> {
  const first = await until('the machine runs', async () => {
    const { stdout } = await promisify(execFile)('pgrep', ['--parent', String(pid)]).catch(() => ({
      stdout: '',
    }));
    return stdout.trim() || undefined;
  });
  const { stdout } = await promisify(execFile)('nsenter', ['--all', '--target', first, 'sh', '-c', command]);
  return stdout;
}

/** Provisions an image on a clean Debian, boots it as an EC2 instance, classifies images on it and powers it off. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { standInEnvironment } from '../contract/moto.ts';
import { REQUIREMENTS } from '../contract/moto-servers.ts';
import { pythonOf } from '../contract/python.ts';
import { until } from '../contract/until.ts';
import { packPackage, repository } from '../e2e/package.ts';
import { SAMPLES } from '../samples.ts';
import { BUCKETS, LAUNCH_TEMPLATE } from './cluster.ts';
import { canMakeMachines, DebianRoot } from './debian-root.ts';
import { Machine } from './machine.ts';

const CLUSTER = [
  'IMGCLS_CLOUD=aws',
  `IMGCLS_INPUT_BUCKET=${BUCKETS.inputBucket}`,
  `IMGCLS_OUTPUT_BUCKET=${BUCKETS.outputBucket}`,
  'AWS_REGION=us-east-1',
  'AWS_ENDPOINT_URL=MOTO',
];

/** Enables what stands for the agent of Systems Manager of Amazon Linux. */
const AGENT = `
printf '[Service]\\nExecStart=/bin/true\\n[Install]\\nWantedBy=multi-user.target\\n' >"$1/usr/lib/systemd/system/amazon-ssm-agent.service"
systemctl --root="$1" enable amazon-ssm-agent.service
`;

const DEPLOYED = '/opt/imgcls/lib/node_modules/imgcls/deploy';

/** Stands for the CloudWatch agent of Amazon Linux: says how far the worker was when it started. */
const LOG_AGENT = `
printf '[Service]\\nExecStart=/bin/sh -c "systemctl show --property=SubState,Result imgcls-worker; exec sleep infinity"\\n' >"$1/usr/lib/systemd/system/amazon-cloudwatch-agent.service"
install -D -m 0644 "$1${DEPLOYED}/image/cloudwatch/log.conf" "$1/usr/lib/systemd/system/imgcls-worker.service.d/log.conf"
mkdir -p "$1/var/log/imgcls"
`;

/** Asks the metadata service for a token, as a program of the image's user. */
const ASK = `fetch('http://169.254.169.254/latest/api/token', { method: 'PUT', headers: { 'x-aws-ec2-metadata-token-ttl-seconds': '60' } }).then(({ status }) => console.log(status), ({ cause }) => console.log(cause.code))`;

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
    await root.run(['sh', '-ec', AGENT, 'sh', root.folder]);
    provisioned = await root.execute(['bash', '/root/provision.sh', '--package', '/root/imgcls.tgz']);
  });
  afterAll(async () => {
    await root?.close();
    await rm(scratch, { recursive: true });
  });

  /** Runs a shell script in the files of the image. */
  const inside = (script: string) => root.run(['chroot', root.folder, 'sh', '-ec', script]);

  it('is provisioned, with the samples classified', () => {
    expect(provisioned.trimEnd().split('\n').at(-1)).toMatch(/^imgcls-provision: OK \d+\.\d+\.\d+$/);
  });

  it('reports the failed step', async () => {
    const failing = root.execute(['bash', '/root/provision.sh', '--package', '/root/imgcls.tgz', '--model']);
    await expect(failing).rejects.toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/imgcls-provision: FAILED arguments\n$/),
      stderr: expect.stringContaining('--model needs a value'),
    });
  });

  it('has Node, the package, an optimised model and a compile cache, all read-only', async () => {
    const modules = '/opt/imgcls/lib/node_modules/imgcls/node_modules';
    expect(await inside('imgcls --version')).toMatch(/^\d+\.\d+\.\d+$/m);
    expect(await inside(`ls ${modules}/onnxruntime-node/bin/*`)).toBe('linux\n');
    expect((await inside('ls /var/lib/imgcls/optimised-models')).trim().split('\n')).toHaveLength(1);
    expect(Number(await inside('ls /opt/imgcls/compile-cache/* | wc -l'))).toBeGreaterThan(100);
    expect(await inside('find /opt/imgcls ! -user root')).toBe('');
    expect(await inside('stat -c "%U %a" /var/lib/imgcls')).toBe('imgcls 700\n');
  });

  it('starts no agent that lets operators log in', async () => {
    expect(await inside('systemctl is-enabled amazon-ssm-agent.service || true')).toBe('disabled\n');
  });

  it('has no traces of the build, and nothing that must differ between machines', async () => {
    expect(await inside('command -v npm || echo none')).toBe('none\n');
    expect(
      await inside('cat /etc/machine-id; ls /etc/ssh/ssh_host_* /var/lib/systemd/random-seed 2>&1 | wc -l'),
    ).toBe('2\n');
    expect(await inside('find /var/lib/apt/lists /var/log -type f; test ! -e /root/.npm')).toBe('');
  });

  it('boots into the worker of its user data, which classifies, restarts after a kill, and powers off after a spot notice', async () => {
    await booted('worker', [], async (machine) => {
      const { stdout } = await upload(machine.awsUrl);
      const outcomes = stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
      expect(outcomes.map(({ name }) => name)).toEqual(SAMPLES);
      expect(outcomes.filter(({ label }) => label === undefined)).toEqual([]);
      expect(await machine.untilActive('imgcls-worker')).toMatchObject({
        StatusText: 'Receiving messages.',
        NRestarts: '0',
      });

      const read = await until('its files have been read', async () => {
        const shown = await machine.run(
          'systemctl show --property=ExecMainCode,ExecMainStatus,Result imgcls-read-ahead',
        );
        return shown.includes('ExecMainCode=1') ? shown : undefined;
      });
      expect(read).toContain('ExecMainStatus=0');
      expect(await machine.run('systemctl show --property=After imgcls-worker')).not.toContain('read-ahead');

      const confine = `python3 -IS ${DEPLOYED}/systemd/confine.py`;
      const ask = (under: string) =>
        machine.run(`runuser -u imgcls -- ${under} $(command -v node) --eval "${ASK}"`);
      expect(await ask('')).toBe('200\n');
      expect(await ask(confine)).toBe('EACCES\n');
      const filters = await machine.run(`
        for process in /proc/[0-9]*; do
          echo "$(tr '\\0' ' ' <$process/cmdline) $(grep ^Seccomp_filters: $process/status)"
        done 2>&1`);
      const filtersOf = (command: RegExp) =>
        filters.split('\n').flatMap((line) => (command.test(line) ? Number(/\d+$/.exec(line)?.[0]) : []));
      const [ofWorker = 0] = filtersOf(/imgcls worker/);
      const ofRunners = filtersOf(/runner-main/);
      expect(ofRunners.length).toBeGreaterThan(0);
      for (const ofRunner of ofRunners) expect(ofRunner).toBe(ofWorker + 1);

      await machine.run('systemctl kill --kill-whom=main --signal=SIGKILL imgcls-worker');
      await until('it has restarted', async () => {
        const { NRestarts } = await machine.untilActive('imgcls-worker');
        return NRestarts === '1' || undefined;
      });
      await machine.run('systemctl restart imgcls-worker');
      const before = await machine.journal();
      expect(before).not.toMatch(/imgcls.*Failed to|SIGSYS|code=dumped/);

      machine.noticeSpot();
      expect(await machine.off).toEqual([0, null]);
      const after = (await machine.journal()).slice(before.length);
      expect(after).toMatch(/"reason":"spot_notice".*Worker ended/);
      expect(after).toMatch(/imgcls-worker\.service: Deactivated successfully/);
    });
  });

  it('powers off when its worker keeps failing', async () => {
    await booted('worker', ['IMGCLS_LEASE_SECONDS=0'], async (machine) => {
      expect(await machine.off).toEqual([0, null]);
      const journal = await machine.journal();
      expect(journal.match(/Invalid settings/g)).toHaveLength(5);
      expect(journal).toMatch(/imgcls-worker\.service: Start request repeated too quickly/);
    });
  });

  it.each([
    [
      'controller',
      [`IMGCLS_LAUNCH_TEMPLATE=${LAUNCH_TEMPLATE}`, 'IMGCLS_MAX=1'],
      /Controller started for cluster default/,
    ],
    ['web', ['IMGCLS_MODEL=efficientnet-lite0'], /Listening on http/],
  ])('boots into the %s, which ends cleanly with the machine', async (role, settings, status) => {
    await booted(role, settings, async (machine) => {
      const { StatusText, NRestarts } = await machine.untilActive(`imgcls-${role}`);
      expect(StatusText).toMatch(status);
      expect(NRestarts).toBe('0');
      expect(await machine.run('systemctl --failed --no-legend')).toBe('');
      await machine.run('systemctl poweroff');
      expect(await machine.off).toEqual([0, null]);
      expect(await machine.journal()).toContain(`imgcls-${role}.service: Deactivated successfully`);
    });
  });

  it('starts the log agent when the service is ready or has failed, and stops it after the service', async () => {
    await root.run(['sh', '-ec', LOG_AGENT, 'sh', root.folder]);
    await booted('worker', [], async (machine) => {
      const state = await until('the agent has seen the worker', async () =>
        /SubState=.*/.exec(await machine.journal())?.at(0),
      );
      expect(state).toMatch(/SubState=(start-post|running)/);
      await machine.run('systemctl poweroff');
      expect(await machine.off).toEqual([0, null]);
      const journal = await machine.journal();
      const stopped = ['imgcls-worker', 'amazon-cloudwatch-agent'].map((unit) =>
        journal.indexOf(`${unit}.service: Deactivated successfully`),
      );
      expect(stopped).toEqual(stopped.toSorted((a, b) => a - b));
    });
    await booted('worker', ['IMGCLS_LEASE_SECONDS=0'], async (machine) => {
      expect(await machine.off).toEqual([0, null]);
      expect(await machine.journal()).toMatch(/Result=exit-code/);
    });
  });

  async function booted(role: string, settings: string[], act: (machine: Machine) => Promise<void>) {
    const lines = ['#imgcls-environment', `IMGCLS_ROLE=${role}`, ...CLUSTER, ...settings];
    const machine = await Machine.boot(root, `${lines.join('\n')}\n`);
    try {
      await act(machine);
    } finally {
      await machine.close();
    }
  }

  /** Uploads the samples from the network of the machine. */
  async function upload(url: string) {
    const samples = path.join(repository, 'samples');
    const imgcls = [process.execPath, path.join(repository, 'bin/imgcls.js')];
    const args = ['upload', samples, '--model', 'efficientnet-lite0', '--format', 'ndjson'];
    const [program = '', ...rest] = root.within(['net'], [...imgcls, ...args]);
    const cluster = Object.fromEntries(CLUSTER.map((line) => line.split('=')));
    return await promisify(execFile)(program, rest, {
      cwd: scratch,
      env: { PATH: process.env.PATH, IMGCLS_DATA_DIR: scratch, ...cluster, ...standInEnvironment(url) },
    });
  }
});

/** Checks the CloudWatch agent's configuration against the files and lines that the services write. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EmfMeter } from '../../../src/core/runtime/emf.ts';
import { repository } from '../../e2e/package.ts';

const run = promisify(execFile);
const folder = path.join(repository, 'deploy/image/cloudwatch');
const textOf = (name: string) => readFile(path.join(folder, name), 'utf8');
const ROLES = ['worker', 'controller', 'web'];

interface Collected {
  file_path: string;
  log_group_name: string;
  log_stream_name: string;
  timestamp_format: string;
  timezone: string;
}

/** Time format codes, by the agent's documentation. */
const SIGNS: Record<string, string> = {
  '%Y': '\\d{4}',
  '%m': '\\d{2}',
  '%d': '\\d{2}',
  '%H': '\\d{2}',
  '%M': '\\d{2}',
  '%S': '\\d{2}',
  '%f': '\\d{1,9}',
};

/** The time that the agent reads from a line. */
function timeIn(line: string, { timestamp_format: format, timezone }: Collected): number {
  const pattern = format.replace('.', '\\.').replace(/%[A-Za-z]/g, (sign) => SIGNS[sign] ?? sign);
  const [found] = new RegExp(pattern).exec(line) ?? ['none'];
  expect(timezone).toBe('UTC');
  return Date.parse(`${found}Z`);
}

describe('the CloudWatch agent', () => {
  let scratch: string;
  let collected: Collected[];
  beforeAll(async () => {
    scratch = await mkdtemp(path.join(tmpdir(), 'imgcls-cloudwatch-'));
    collected = await configure('blue-2');
  });
  afterAll(() => rm(scratch, { recursive: true }));

  /** Runs the command of the drop-in as systemd does. */
  async function configure(cluster: string): Promise<Collected[]> {
    const unit = await textOf('agent.service.conf');
    const [, script = '', template = ''] = /^ExecStartPre=\/usr\/bin\/sed -n "(.*)" (\S+)$/m.exec(unit) ?? [];
    expect(template).toBe('/opt/imgcls/lib/node_modules/imgcls/deploy/image/cloudwatch/agent.json');
    const target = path.join(scratch, 'agent.json');
    const here = script.replace(`\${IMGCLS_CLUSTER}`, cluster).replace(/w \S+$/, `w ${target}`);
    await run('sed', ['-n', here, path.join(folder, 'agent.json')]);
    return JSON.parse(await readFile(target, 'utf8')).logs.logs_collected.files.collect_list;
  }

  it("ships each role's log to the log group of its cluster, one stream per instance", () => {
    expect(collected.map(({ log_group_name: group, log_stream_name: stream }) => [group, stream])).toEqual(
      ROLES.map((role) => ['/imgcls/blue-2', `${role}/{instance_id}`]),
    );
  });

  it('reads the files that systemd writes, and has the permission', async () => {
    const log = await textOf('log.conf');
    const tmpfiles = await textOf('tmpfiles.conf');
    for (const stream of ['StandardOutput', 'StandardError'])
      expect(log).toContain(`\n${stream}=append:/var/log/imgcls/%N.log\n`);
    const files = collected.map(({ file_path: file }) => file);
    expect(files).toEqual(ROLES.map((role) => `/var/log/imgcls/imgcls-${role}.log`));
    for (const file of files) expect(tmpfiles).toContain(`\nf ${file} 0640 root cwagent\n`);
    expect(await textOf('logrotate.conf')).toContain('/var/log/imgcls/*.log {');
  });

  it('starts with the service of its role, not at boot', async () => {
    expect(await textOf('install.sh')).toContain('\nsystemctl disable amazon-cloudwatch-agent.service\n');
    expect(await textOf('log.conf')).toMatch(
      /^ExecStartPost=.* start --no-block amazon-cloudwatch-agent\.service$/m,
    );
    expect(await textOf('agent.service.conf')).not.toContain('[Install]');
  });

  it('reads the time of every line of the log and of metrics', async () => {
    const [worker] = collected;
    if (worker === undefined) throw new Error('nothing is collected');
    const script = `
      import { openLog } from './src/app/log.ts';
      const before = Date.now();
      openLog({ logLevel: 'info', cluster: 'blue' }).info({ job: 'j' }, 'Batch completed.');
      console.log(JSON.stringify([before, Date.now()]));`;
    const { stdout, stderr } = await run(process.execPath, ['--input-type=module', '--eval', script], {
      cwd: repository,
    });
    const [before, after] = JSON.parse(stdout);
    expect(timeIn(stderr, worker)).toBeGreaterThanOrEqual(before);
    expect(timeIn(stderr, worker)).toBeLessThanOrEqual(after);
    const atMs = Date.UTC(2026, 10, 26, 8, 0, 0, 123);
    let line = '';
    const meter = new EmfMeter({
      cluster: 'blue',
      properties: {},
      nowMs: () => atMs,
      write: (written) => {
        line = written;
      },
    });
    meter.record('Launches', 1);
    meter.flush();
    expect(timeIn(line, worker)).toBe(atMs);
  });
});

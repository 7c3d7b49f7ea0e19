/** Every kind of bad message, file and object at once in a busy cluster: it concerns its own images and nothing else. */
import { chmod, chown, mkdir, open, readdir, readFile, truncate, unlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Cloud } from '../../src/core/cloud/ports.ts';
import { readControllerLock } from '../../src/core/fleet/controller-lock.ts';
import type { NewJob } from '../../src/core/job/job.ts';
import { readJob } from '../../src/core/job/job-record.ts';
import {
  activeKey,
  CONTROLLER_LOCK_KEY,
  jobCostKey,
  requestQueueName,
  shardKey,
} from '../../src/core/job/keys.ts';
import { REQUEST_FORMAT } from '../../src/core/job/messages.ts';
import { createLocalCloud } from '../../src/local/cloud.ts';
import { readReport } from '../../src/scaler/report.ts';
import { manifestOf } from '../../src/upload/resume.ts';
import { putStrange, STRANGE_OBJECTS, UNREADABLE_JOBS, unreadableJobs } from '../contract/strange-objects.ts';
import { until } from '../contract/until.ts';
import {
  type InstalledPackage,
  installPackage,
  processesOf,
  type Running,
  repository,
  start,
} from './package.ts';
import { linesOf } from './plain-images.ts';

const PHOTOGRAPHS = ['cat.jpg', 'coffee.jpg', 'mountains.jpg', 'rocket.jpg'];
const IMAGES = 32;
const NOBODY = 65_534;
/** Root without its right to read everything, as containers run tests as root. */
const BOUND_BY_PERMISSIONS =
  process.geteuid?.() === 0 ? ['setpriv', '--bounding-set', '-dac_override,-dac_read_search'] : [];

let installed: InstalledPackage;
let dataDir: string;
let cloud: Cloud;
/** The label of each photograph, in a cluster without anything bad. */
const labels = new Map<string, string>();
const running: Running[] = [];

const imgcls = (args: string[], under: readonly string[] = []): Running => {
  const one = start(installed.bin, dataDir, args, { IMGCLS_LEASE_SECONDS: '10' }, under);
  running.push(one);
  return one;
};
const finished = async (args: string[]) => (await imgcls(args).finished).stdout;
const outcomesOf = (stdout: string) => linesOf(stdout).map((line) => JSON.parse(line));

/** Each is another file: what differs stands behind the end of the JPEG. */
async function writePhotographs(job: string, images = IMAGES): Promise<string> {
  const folder = path.join(dataDir, job);
  await mkdir(folder);
  for (let index = 0; index < images; index++) {
    const bytes = await readFile(path.join(repository, 'samples', photographAt(index)));
    await writeFile(path.join(folder, nameAt(index)), Buffer.concat([bytes, Buffer.from(`${job} ${index}`)]));
  }
  return folder;
}
const nameAt = (index: number) => `${String(index).padStart(2, '0')}.jpg`;
const photographAt = (index: number) => PHOTOGRAPHS[index % PHOTOGRAPHS.length] ?? '';
const labelAt = (index: number) => labels.get(photographAt(index));

/** @param except images whose outcomes the bad things are about. */
function expectRight(outcomes: ReturnType<typeof outcomesOf>, except: readonly number[] = []): void {
  const photographs = outcomes.filter(({ name }) => name !== 'locked');
  expect(photographs.map(({ name }) => name)).toEqual(
    Array.from({ length: IMAGES }, (_, index) => nameAt(index)),
  );
  for (const [index, { label, error }] of photographs.entries())
    if (!except.includes(index)) expect(label, `${index}: ${error?.message}`).toBe(labelAt(index));
}

async function submit(job: string, images = IMAGES): Promise<string> {
  return (await finished(['upload', await writePhotographs(job, images), '--copy', '--no-wait'])).trim();
}

/** The file in which the store keeps an image of a job. */
async function fileOf(job: string, index: number): Promise<string> {
  const entry = (await Array.fromAsync(manifestOf(cloud.output, { id: job, attempt: 1 })))[index];
  const key = entry !== undefined && 'key' in entry ? entry.key : '';
  using db = new DatabaseSync(path.join(dataDir, 'default', 'cloud.db'), { readOnly: true });
  const row = db.prepare("SELECT file FROM objects WHERE bucket = 'input' AND key = ?").get(key);
  return path.join(dataDir, 'default', 'objects', String(row?.file));
}

async function flipBytes(file: string): Promise<void> {
  const handle = await open(file, 'r+');
  const { size } = await handle.stat();
  await handle.write(Buffer.alloc(1000, 0xaa), 0, 1000, Math.floor(size / 2));
  await handle.close();
}

async function damageOptimisedModel(): Promise<void> {
  const folder = path.join(dataDir, 'optimised-models');
  const [weights] = (await readdir(folder, { recursive: true })).filter((name) =>
    name.endsWith('.onnx.data'),
  );
  await flipBytes(path.join(folder, weights ?? ''));
}

const LOST = 0;
const SHORT = 1;
const CHANGED = 2;
const EDITED_SHARD = { attempt: 1, first: 16, last: 31 };
const EDITED = Array.from({ length: 16 }, (_, place) => EDITED_SHARD.first + place);

beforeAll(async () => {
  installed = await installPackage();
  dataDir = await installed.dataDir();
  const samples = PHOTOGRAPHS.map((name) => path.join(repository, 'samples', name));
  // Creates the queues and the optimised model, too.
  for (const { name, label } of outcomesOf(await finished(['upload', ...samples, '--format', 'ndjson'])))
    labels.set(path.basename(name), label);
  cloud = createLocalCloud({ dataDir, cluster: 'default' });
});
afterAll(async () => {
  for (const { kill } of running) kill('SIGKILL');
  for (const pid of await processesOf(dataDir)) process.kill(pid, 'SIGKILL');
  await cloud.close();
  await installed.remove();
});

describe('a busy cluster with every kind of bad thing in it', () => {
  it('has the outcomes of all its jobs as without them, and names each', async () => {
    const damaged = await submit('damaged');
    const edited = await submit('edited', 1);
    const record = await readJob(cloud.output, damaged);
    await unlink(await fileOf(damaged, LOST));
    await truncate(await fileOf(damaged, SHORT), 1000);
    await flipBytes(await fileOf(damaged, CHANGED));
    await cloud.output.put(
      shardKey(damaged, EDITED_SHARD),
      Buffer.from('{"v":1,"index":16,"label":"dog"}\n'),
    );
    await cloud.output.put(jobCostKey(damaged), Buffer.from('free'));
    await cloud.output.put(
      `jobs/${edited}/job.json`,
      Buffer.from(JSON.stringify({ ...record, id: edited, topK: 'all' })),
    );
    await damageOptimisedModel();
    await cloud.queues
      .open(requestQueueName('default'))
      .send([{ body: JSON.stringify({ v: REQUEST_FORMAT + 1 }) }, { body: 'not a message' }]);
    const { id: _id, ...copied } = record;
    const strange = [...STRANGE_OBJECTS, ...unreadableJobs({ ...copied, id: damaged } as NewJob)];
    for (const id of Object.values(UNREADABLE_JOBS)) await cloud.output.put(activeKey(id), new Uint8Array());
    await putStrange(cloud, strange);

    const innocent = await writePhotographs('innocent');
    const partly = await writePhotographs('partly');
    const locked = path.join(partly, 'locked');
    await mkdir(locked);
    await writeFile(path.join(locked, 'a.jpg'), 'x');
    await chmod(locked, BOUND_BY_PERMISSIONS.length > 0 ? 0o700 : 0);
    if (BOUND_BY_PERMISSIONS.length > 0) await chown(locked, NOBODY, NOBODY);

    const controller = imgcls(['scale', '--max', '2', '--idle-seconds', '5']);
    const first = await until('the controller acts', async () => (await readReport(cloud.output))?.epoch);
    const waiting = [
      imgcls(['upload', innocent, '--format', 'ndjson']),
      imgcls(['upload', partly, '--format', 'ndjson'], BOUND_BY_PERMISSIONS),
      imgcls(['results', damaged, '--wait', '--format', 'ndjson']),
    ];
    await cloud.output.put(CONTROLLER_LOCK_KEY, Buffer.from('not a lock'));
    await until('it acts again', async () => {
      const report = await readReport(cloud.output);
      return report !== undefined && report.epoch > first && report.machines.length > 0;
    });
    const [all, most, rest] = await Promise.all(waiting.map((each) => each.finished));
    expect((await readControllerLock(cloud.output))?.record.epoch).toBe(first + 1);

    expect(all?.code, all?.stderr).toBe(0);
    expectRight(outcomesOf(all?.stdout ?? ''));
    expect(most?.code, most?.stderr).toBe(3);
    expectRight(outcomesOf(most?.stdout ?? ''));
    expect(outcomesOf(most?.stdout ?? '').filter(({ error }) => error !== undefined)).toMatchObject([
      {
        name: 'locked',
        error: { code: 'unreadable', message: 'Cannot read the folder: permission denied.' },
      },
    ]);
    expect(rest?.code, rest?.stderr).toBe(3);
    const outcomes = outcomesOf(rest?.stdout ?? '');
    expectRight(outcomes, [LOST, SHORT, CHANGED, ...EDITED]);
    expect([LOST, SHORT, CHANGED].map((index) => outcomes[index].error.code)).toEqual([
      'missing',
      'changed',
      'changed',
    ]);
    for (const index of EDITED)
      expect(outcomes[index].error.message).toContain(shardKey(damaged, EDITED_SHARD));

    const status = await finished(['status']);
    expect(status).toMatch(/OUTDATED .* received 1 message of a newer format/);
    for (const id of [edited, ...Object.values(UNREADABLE_JOBS)])
      expect(status).toMatch(new RegExp(`cannot read a job: .*${id}`));
    expect(status).toMatch(/cannot read a worker status: Object fleet\/garbage.json/);
    const doctor = await imgcls(['doctor']).finished;
    expect(doctor.code).toBe(1);
    const replaced = ['controller/report.json', 'controller/history.json'];
    for (const { key } of strange.filter(({ key }) => !replaced.includes(key)))
      expect(doctor.stdout).toContain(key);
    expect(doctor.stdout).toMatch(/2 damaged objects/);
    expect(doctor.stdout).toMatch(/1 dead letter/);
    controller.kill('SIGTERM');
    expect((await controller.finished).code).toBe(0);
  });
});

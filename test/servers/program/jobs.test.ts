/** Jobs over servers that are files and queues of a site of its own: submitters and workers that are killed, and the service. */
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { makePhotographs } from '../../../src/bench/photographs.ts';
import { jobPrefix } from '../../../src/core/job/keys.ts';
import { until } from '../../contract/until.ts';
import { writeOddImages } from '../../e2e/odd-images.ts';
import { repository } from '../../e2e/package.ts';
import { expectEachOnce, labelByContent, linesOf, writeImages } from '../../e2e/plain-images.ts';
import { ForeignCluster } from '../cluster.ts';

const cat = path.join(repository, 'samples/cat.jpg');
const pair = { store: 'VersityGW', queues: 'ElasticMQ' };

describe(`jobs over ${pair.store} and ${pair.queues}`, () => {
  let cluster: ForeignCluster;
  beforeAll(async () => {
    cluster = await ForeignCluster.start(pair);
  });
  afterEach(() => cluster.stopAll());
  afterAll(() => cluster?.close());

  const folderOf = (name: string): string => path.join(cluster.dataDir, name);
  const run = (...args: string[]) => cluster.imgcls(args, labelByContent).finished;
  const jobs = async () => {
    const { stdout } = await run('jobs', '--format', 'json');
    return JSON.parse(stdout) as { id: string; state: string; done: number }[];
  };
  const begunJob = () =>
    until('a job has outcomes, but not all', async () =>
      (await jobs()).find(({ state, done }) => state !== 'finished' && done > 0),
    );
  /** Slow enough to be killed at its work, after its first outcomes. */
  const slow = { ...labelByContent, IMGCLS_TEST_IMAGES_PER_SECOND: '40' };

  it('have the outcomes of one machine, for photographs and for odd and broken files', async () => {
    const folder = folderOf('photographs');
    await makePhotographs(folder, { sources: path.dirname(cat), count: 60, bytes: 60_000 });
    await writeOddImages(folder, cat);
    await cluster.worker();
    const foreign = await cluster.imgcls(['upload', folder]).finished;
    const local = await cluster.imgcls(['upload', folder], { IMGCLS_CLOUD: 'local' }).finished;
    expect(foreign.code, foreign.stderr).toBe(3);
    expect(linesOf(foreign.stdout).length).toBeGreaterThan(60);
    expect(foreign).toMatchObject({ code: local.code, stdout: local.stdout });

    const job = /job (\w{26})/.exec(foreign.stderr)?.[1] ?? '';
    const retried = await cluster.imgcls(['retry', job]).finished;
    const broken = linesOf(foreign.stdout).filter((line) => line.includes(', error: '));
    expect(broken).toHaveLength(4);
    expect(linesOf(retried.stdout), 'a broken file stays one').toEqual(broken);
  });

  it('continue after a submitter was killed', async () => {
    const labels = await writeImages(folderOf('killed-submitter'), 400);
    cluster.imgcls(['worker'], slow);
    const submitter = cluster.imgcls(['upload', folderOf('killed-submitter')], labelByContent);
    const job = await begunJob();
    submitter.kill('SIGKILL');
    const { code, stdout, stderr } = await run('resume', job.id);
    expect(code, stderr).toBe(0);
    expectEachOnce(stdout, labels);
  });

  it('continue after a worker was killed', async () => {
    const labels = await writeImages(folderOf('killed-worker'), 200);
    const doomed = cluster.imgcls(['worker'], slow);
    const submitter = cluster.imgcls(['upload', folderOf('killed-worker')], labelByContent);
    await begunJob();
    doomed.kill('SIGKILL');
    cluster.imgcls(['worker'], labelByContent);
    const { code, stdout, stderr } = await submitter.finished;
    expect(code, stderr).toBe(0);
    expectEachOnce(stdout, labels);
  });

  it('of two submitters at once keep their images apart, whatever their names', async () => {
    const names = ['a b+c.jpg', 'half%.jpg', 'per%20cent.jpg', 'ü 日本 😀.jpg'];
    cluster.imgcls(['worker'], labelByContent);
    const submitted = ['one', 'two'].map(async (who) => {
      await mkdir(folderOf(who));
      for (const name of names) await writeFile(path.join(folderOf(who), name), `${who}: ${name}`);
      const { stdout, stderr } = await run('upload', folderOf(who));
      const sha256 = (name: string) => createHash('sha256').update(`${who}: ${name}`).digest('hex');
      expect(linesOf(stdout), stderr).toEqual(names.map((name) => `${name}, ${sha256(name)}`));
    });
    await Promise.all(submitted);
  });

  it('can be cancelled and deleted', async () => {
    await writeImages(folderOf('cancelled'), 40);
    const job = (await run('upload', folderOf('cancelled'), '--no-wait')).stdout.trim();
    expect(await run('cancel', job)).toMatchObject({ code: 0 });
    expect(await run('results', job, '--wait')).toMatchObject({ code: 1, stdout: '' });
    expect(await run('rm', job)).toMatchObject({ code: 0 });
    expect(await Array.fromAsync(cluster.cloud.output.list(jobPrefix(job)))).toEqual([]);
    expect(await run('gc', '--older-than', '0')).toMatchObject({ code: 0 });
    expect(await jobs()).toEqual([]);
  });

  it('and the service share a worker', async () => {
    await cluster.worker();
    const service = cluster.imgcls(['serve', '--port', '0']);
    const url = await until(
      'the service listens',
      async () => /Listening on (\S+)/.exec(service.stderr())?.[1],
    );
    const response = await fetch(`${url}/v1/classify`, {
      method: 'POST',
      headers: { 'content-type': 'image/jpeg' },
      body: await readFile(cat),
    });
    expect(await response.json()).toMatchObject({ labels: [{ label: 'tiger cat' }, {}, {}, {}, {}] });
  });
});

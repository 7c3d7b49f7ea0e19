import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../contract/until.ts';
import { type InstalledPackage, installPackage, processesOf, repository, start } from '../package.ts';
import { type Service, startService } from './up.ts';

const samples = ['cat.jpg', 'coffee.jpg', 'mountains.jpg'];
const LARGE_BYTES = 20_000_000;
const bytesOf = async (name: string) => await readFile(path.join(repository, 'samples', name));

let installed: InstalledPackage;
let dataDir: string;
let service: Service;
beforeAll(async () => {
  installed = await installPackage();
  dataDir = await installed.dataDir();
  service = await startService(installed.bin, dataDir, ['up']);
});
afterAll(async () => {
  await service?.stop();
  await installed?.remove();
});

// biome-ignore lint/suspicious/noExplicitAny: the expectations check its shape.
const jsonOf = async (address: string, init: RequestInit = {}): Promise<any> =>
  await (await fetch(`${service.url}${address}`, init)).json();

async function submit(names: readonly string[], headers: Record<string, string> = {}, url = service.url) {
  const form = new FormData();
  for (const name of names) form.append('files', new Blob([await bytesOf(name)]), name);
  const answer = await fetch(`${url}/v1/jobs`, { method: 'POST', headers, body: form });
  return { answer, job: await answer.json() };
}

const finished = (id: string) =>
  until(
    'the job is finished',
    async () => {
      const job = await jsonOf(`/v1/jobs/${id}`);
      return job.state === 'finished' ? job : undefined;
    },
    { timeoutMs: 60_000 },
  );

describe('the REST service', () => {
  it('labels uploaded images, and returns the results as JSON pages, NDJSON and CSV', async () => {
    const { answer, job } = await submit(samples);
    expect(answer.status).toBe(201);
    expect(new URL(answer.headers.get('location') ?? '', answer.url).pathname).toBe(`/v1/jobs/${job.id}`);
    expect(await finished(job.id)).toMatchObject({ total: 3, done: 3, errors: 0 });
    const results = `/v1/jobs/${job.id}/results`;
    const first = await jsonOf(`${results}?limit=2`);
    expect(first).toMatchObject({ next: 2, outcomes: [{ name: 'cat.jpg' }, { name: 'coffee.jpg' }] });
    const rest = await jsonOf(`${results}?limit=2&from=${first.next}`);
    expect(rest).toMatchObject({ outcomes: [{ index: 2, name: 'mountains.jpg', wnid: 'n09193705' }] });
    expect(rest.next).toBeUndefined();
    const unsure = await jsonOf(`${results}?minScore=0.9`);
    expect(unsure).toMatchObject({
      outcomes: [
        { category: { name: 'cat', score: expect.closeTo(0.9, 1) }, unsure: true },
        {},
        { unsure: true },
      ],
    });
    expect(unsure.outcomes[1], 'espresso, 95 %').not.toHaveProperty('unsure');
    const lines = await fetch(`${service.url}${results}`, { headers: { accept: 'application/x-ndjson' } });
    expect(
      (await lines.text())
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).name),
    ).toEqual(samples);
    const table = await fetch(`${service.url}${results}`, { headers: { accept: 'text/csv' } });
    expect((await table.text()).split('\r\n')).toHaveLength(5);
    const image = await fetch(`${service.url}/v1/jobs/${job.id}/images/0`);
    expect(Buffer.from(await image.arrayBuffer()).equals(await bytesOf('cat.jpg'))).toBe(true);
    const etag = image.headers.get('etag') ?? '';
    const asked = async (known: string) => {
      const headers = { 'if-none-match': known };
      return (await fetch(`${service.url}/v1/jobs/${job.id}/images/0`, { headers })).status;
    };
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`, '*']) expect(await asked(known)).toBe(304);
    for (const known of ['"other"', etag.replaceAll('"', '')]) expect(await asked(known)).toBe(200);
  });

  it('labels the samples of the package, and shows them', async () => {
    const answer = await fetch(`${service.url}/v1/samples`, { method: 'POST' });
    expect(answer.status).toBe(201);
    const { id } = (await answer.json()) as { id: string };
    expect(new URL(answer.headers.get('location') ?? '', answer.url).pathname).toBe(`/v1/jobs/${id}`);
    expect(await finished(id)).toMatchObject({ total: 12, errors: 0 });
    const file = await fetch(`${service.url}/samples/goldfish.webp`);
    expect([file.status, file.headers.get('content-type')]).toEqual([200, 'image/webp']);
    expect(Buffer.from(await file.arrayBuffer()).equals(await bytesOf('goldfish.webp'))).toBe(true);
    const thumbnail = await fetch(`${service.url}/v1/jobs/${id}/images/0/thumbnail`);
    expect([thumbnail.status, thumbnail.headers.get('content-type')]).toEqual([200, 'image/jpeg']);
    expect(await jsonOf('/v1/find?q=fish')).toMatchObject({
      photographs: [{ job: id, name: 'goldfish.webp', category: 'fish' }],
    });
  });

  it("continues its caller's trace, and returns it with each response", async () => {
    const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
    const span = '00f067aa0ba902b7';
    const headers = { traceparent: `00-${trace}-${span}-01` };
    const traced = await submit(['cat.jpg'], headers);
    expect(traced.job.trace).toBe(trace);
    expect(traced.answer.headers.get('traceparent')).toMatch(
      new RegExp(`^00-${trace}-(?!${span})[0-9a-f]{16}-01$`),
    );
    expect(await finished(traced.job.id)).toMatchObject({ trace });
    const own = await submit(['cat.jpg'], { traceparent: 'nonsense' });
    expect(own.answer.headers.get('traceparent')).toContain(`00-${own.job.trace}-`);
    const refused = await fetch(`${service.url}/v1/nowhere`, { headers });
    expect(refused.status).toBe(404);
    expect(refused.headers.get('traceparent')).toContain(trace);
    await finished(own.job.id);
    const late = await fetch(`${service.url}/v1/jobs/${own.job.id}/cancel`, { method: 'POST', headers });
    expect(late.status).toBe(409);
    await until('the refusal is logged', async () =>
      service.stderr().includes(`"trace":"${trace}","job":"${own.job.id}"`) ? true : undefined,
    );
  });

  it('creates one job for requests with the same Idempotency-Key, also concurrent ones', async () => {
    const key = { 'idempotency-key': crypto.randomUUID() };
    const both = await Promise.all([submit(samples, key), submit(samples, key)]);
    const third = await submit(samples, key);
    expect(new Set([...both, third].map(({ job }) => job.id)).size).toBe(1);
    expect((await submit(samples)).job.id).not.toBe(third.job.id);
  });

  it('responds to a repeated request even if the caller reads only after it has sent the body', async () => {
    const key = crypto.randomUUID();
    const part = '--part\r\nContent-Disposition: form-data; name="files"; filename="x.jpg"\r\n\r\n';
    const body = Buffer.concat([
      Buffer.from(part),
      Buffer.alloc(LARGE_BYTES),
      Buffer.from('\r\n--part--\r\n'),
    ]);
    const type = 'multipart/form-data; boundary=part';
    const headers = { 'idempotency-key': key, 'content-type': type };
    const first = await fetch(`${service.url}/v1/jobs`, { method: 'POST', headers, body });
    const job = (await first.json()) as { id: string };
    const { hostname, port, host } = new URL(service.url);
    const socket = connect(Number(port), hostname).pause();
    const head = [
      'POST /v1/jobs HTTP/1.1',
      `Host: ${host}`,
      'Connection: close',
      `Idempotency-Key: ${key}`,
      `Content-Type: ${type}`,
      `Content-Length: ${body.byteLength}`,
    ];
    socket.write(`${head.join('\r\n')}\r\n\r\n`);
    await new Promise<void>((done, failed) => {
      socket.once('error', failed);
      socket.write(body, () => done());
    });
    const answer = await text(socket);
    expect(answer).toMatch(/^HTTP\/1\.1 201 /);
    expect(answer).toMatch(new RegExp(`^location: jobs/${job.id}\r$`, 'm'));
  });

  it('sends the events of a job, and of its deletion', async () => {
    const { job } = await submit(samples);
    const events: { name: string; data: { covered?: { first: number; last: number }[] } }[] = [];
    const reading = new AbortController();
    const stream = await fetch(`${service.url}/v1/jobs/${job.id}/events`, { signal: reading.signal });
    expect(stream.headers.get('content-type')).toMatch(/^text\/event-stream/);
    const read = (async () => {
      let text = '';
      for await (const chunk of stream.body ?? []) {
        text += Buffer.from(chunk).toString();
        for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
          const [, name = '', data = ''] = /^event: (.*)\ndata: (.*)$/.exec(text.slice(0, end)) ?? [];
          if (name !== '') events.push({ name, data: JSON.parse(data) });
          text = text.slice(end + 2);
        }
      }
    })();
    await finished(job.id);
    await fetch(`${service.url}/v1/jobs/${job.id}`, { method: 'DELETE' });
    await read;
    expect(events[0]?.name).toBe('snapshot');
    expect(events.at(-1)?.name).toBe('gone');
    const covered = new Set<number>();
    for (const { data } of events)
      for (const { first, last } of data.covered ?? [])
        for (let index = first; index <= last; index++) covered.add(index);
    expect([...covered].sort()).toEqual([0, 1, 2]);
    expect((await fetch(`${service.url}/v1/jobs/${job.id}`)).status).toBe(404);
  });

  it('keeps no state of its own: a second service has the same jobs', async () => {
    const other = await startService(installed.bin, dataDir, ['serve']);
    try {
      const { job } = await submit(samples, {}, other.url);
      await finished(job.id);
      const listed = await (await fetch(`${other.url}/v1/jobs`)).json();
      expect(listed).toEqual(await jsonOf('/v1/jobs'));
    } finally {
      await other.stop();
    }
  });

  it('classifies one image immediately, and returns the error of another', async () => {
    const classify = async (body: Buffer) =>
      await fetch(`${service.url}/v1/classify?topK=3`, {
        method: 'POST',
        headers: { 'content-type': 'application/octet-stream' },
        body: new Uint8Array(body),
      });
    const bytes = await bytesOf('coffee.jpg');
    const good = await (await classify(bytes)).json();
    expect(good).toMatchObject({ label: 'espresso', wnid: 'n07920052' });
    expect(good.labels).toHaveLength(3);
    expect(good.category.name).toBe('drink');
    expect(good).not.toHaveProperty('warning');
    const damaged = await (await classify(bytes.subarray(0, 0.8 * bytes.length))).json();
    expect(damaged).toMatchObject({
      label: 'espresso',
      warning: 'damaged',
      decodedShare: expect.closeTo(0.84, 1),
    });
    const cut = await classify(bytes.subarray(0, 5000));
    expect(cut.status).toBe(422);
    expect(await cut.json()).toMatchObject({ code: 'truncated' });
    expect(await jsonOf('/v1/jobs?limit=100')).not.toMatchObject({ jobs: [{ total: 1 }] });
  });

  it('names the accepted content types', async () => {
    const post = (address: string, type?: string) =>
      jsonOf(address, {
        method: 'POST',
        headers: type === undefined ? {} : { 'content-type': type },
        body: new Uint8Array([1]),
      });
    expect(await post('/v1/classify')).toMatchObject({
      status: 415,
      detail:
        'Content-Type must be image/jpeg (or another image type) or application/octet-stream, not none.',
    });
    expect(await post('/v1/jobs', 'image/jpeg')).toMatchObject({
      status: 415,
      detail: 'Content-Type must be application/json or multipart/form-data, not "image/jpeg".',
    });
    expect(await post('/v1/session', 'image/jpeg')).toMatchObject({
      status: 415,
      detail: 'Content-Type must be application/json, not "image/jpeg".',
    });
    const { job } = await submit(['cat.jpg']);
    expect(await post(`/v1/jobs/${job.id}/cancel`, 'image/jpeg')).toMatchObject({
      status: 415,
      detail: 'This request takes no body.',
    });
  });

  it('describes job ids when it gets an invalid one', async () => {
    for (const address of ['/v1/jobs/nope', '/v1/jobs/nope/results', '/v1/jobs?after=nope'])
      expect(await jsonOf(address)).toMatchObject({
        status: 400,
        detail: `"nope" is not a job id. A job id has 26 letters and digits, or the form drop-YYYY-MM-DD.`,
      });
    expect(await jsonOf('/v1/jobs/drop-2026-13-01')).toMatchObject({
      status: 400,
      detail: expect.stringContaining('"drop-2026-13-01" is not a job id.'),
    });
    expect(await jsonOf('/v1/jobs?limit=x')).toMatchObject({
      status: 400,
      detail: expect.stringMatching(/^querystring\/limit: /),
    });
  });

  it('returns the status, the models and Prometheus metrics', async () => {
    const status = await jsonOf('/v1/status');
    expect(status.controller).toMatchObject({ isAlive: true, reason: expect.any(String) });
    expect((await jsonOf('/v1/models')).models).toMatchObject([
      { title: 'efficientnet-lite0/int8', isDefault: true },
    ]);
    const metrics = await (await fetch(`${service.url}/metrics`)).text();
    expect(metrics).toMatch(/imgcls_queue_messages\{queue="requests",state="waiting"\} \d/);
    expect((await fetch(`${service.url}/readyz`)).status).toBe(200);
  });

  it('does not start with a model that is not installed, and explains how to install it', async () => {
    for (const command of ['up', 'serve']) {
      const args = [command, '--port', '0', '--model', 'resnet50'];
      const { code, stderr } = await start(installed.bin, await installed.dataDir(), args).finished;
      expect(code).toBe(2);
      expect(stderr).toMatch(/"resnet50" is not installed.\nhint: Run "imgcls model pull resnet50"/);
      expect(stderr).not.toMatch(/listening/);
    }
  });

  it('reports that its model was removed, and serves others', async () => {
    const folder = await installed.dataDir();
    const mine = path.join(folder, 'models', 'mine', 'int8');
    await cp(path.join(repository, 'models', 'efficientnet-lite0'), mine, { recursive: true });
    const manifest = JSON.parse(await readFile(path.join(mine, 'model.json'), 'utf8'));
    await writeFile(path.join(mine, 'model.json'), JSON.stringify({ ...manifest, name: 'mine' }));
    const brief = await startService(installed.bin, folder, ['serve'], { IMGCLS_MODEL: 'mine' });
    try {
      const server = async () => await fetch(`${brief.url}/v1/server`);
      expect(await (await server()).json()).toMatchObject({ model: 'mine/int8' });
      await rm(mine, { recursive: true });
      const image = { method: 'POST', headers: { 'content-type': 'image/jpeg' } };
      const body = new Uint8Array(await bytesOf('cat.jpg'));
      const classify = (query = '') => fetch(`${brief.url}/v1/classify${query}`, { ...image, body });
      const submitted = await submit(['cat.jpg'], {}, brief.url);
      expect(submitted.answer.status).toBe(503);
      for (const problem of [submitted.job, await (await server()).json(), await (await classify()).json()])
        expect(problem).toMatchObject({
          status: 503,
          detail: 'The model "mine" is not installed.',
          hint: expect.stringContaining('Installed models: efficientnet-lite0.'),
        });
      expect(await (await classify('?model=resnet50')).json()).toMatchObject({
        status: 404,
        detail: 'The model "resnet50" is not installed.',
      });
      expect(await (await fetch(`${brief.url}/v1/models`)).json()).toMatchObject({
        models: [{ title: 'efficientnet-lite0/int8', isDefault: false }],
      });
      expect((await classify('?model=efficientnet-lite0')).status).toBe(200);
    } finally {
      await brief.stop();
    }
  });

  it('ends at an interrupt with all its processes, also during a job', async () => {
    const folder = await installed.dataDir();
    const brief = await startService(installed.bin, folder, ['up', '--min', '1']);
    const stream = await submit(['cat.jpg'], {}, brief.url);
    const events = await fetch(`${brief.url}/v1/jobs/${stream.job.id}/events`);
    const reading = events.text().catch(() => {});
    brief.kill('SIGINT');
    const { code } = await brief.finished;
    expect(code).toBe(0);
    await reading;
    await until(
      'no process is left',
      async () => ((await processesOf(folder)).length === 0 ? true : undefined),
      {
        timeoutMs: 45_000,
      },
    );
  });
});

import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import type { Cloud, OutgoingMessage, PutOptions } from '../../../src/core/cloud/ports.ts';
import { type JobRecord, manifestEntry } from '../../../src/core/job/job.ts';
import { jobKey, manifestPrefix, parsePartKey } from '../../../src/core/job/keys.ts';
import { parseRequest } from '../../../src/core/job/messages.ts';
import { ObjectMissingError, PreconditionFailedError } from '../../../src/core/runtime/errors.ts';
import { announceShares } from '../../../src/upload/bucket/announce-shares.ts';
import { ShareClaims } from '../../../src/upload/bucket/shares.ts';
import type { Input } from '../../../src/upload/inputs.ts';
import { virtualClock } from '../virtual-clock.ts';

const IMAGES = 10_000;
const job: JobRecord = {
  v: 3,
  id: '01ARZ3NDEKTSV4RRFFQ69G5FAV',
  state: 'open',
  createdAtMs: 0,
  inputs: ['s3://inventories/manifest.json'],
  include: [],
  exclude: [],
  topK: 1,
  model: { name: 'm', version: '1', variant: 'int8', sha256: 'ab'.repeat(32) },
  attempt: 1,
  retried: [],
};
const nameOf = (index: number) => `${(index * 7919) % IMAGES}.jpg`;

async function* inventory(folder = ''): AsyncGenerator<Input> {
  for (let index = 0; index < IMAGES; index++) {
    const key = folder + nameOf(index);
    yield {
      kind: 'object',
      name: key,
      source: `s3://photos/${key}`,
      bucket: 'photos',
      key,
      etag: '"1"',
      bytes: 1,
    };
  }
}

/** The cloud that all submitters share. */
function sharedCloud() {
  const objects = new Map<string, { body: string; etag: string }>();
  const messages: string[] = [];
  let version = 0;
  const put = (key: string, body: Uint8Array, { only }: PutOptions = {}) => {
    const found = objects.get(key);
    const isExpected =
      only === 'absent' ? found === undefined : only === undefined || found?.etag === only.etag;
    if (!isExpected) throw new PreconditionFailedError('output', key);
    objects.set(key, { body: Buffer.from(body).toString(), etag: `"${++version}"` });
  };
  put(jobKey(job.id), Buffer.from(JSON.stringify(job)));
  const output = {
    bucket: 'output',
    async get(key: string) {
      await setImmediate();
      const found = objects.get(key);
      if (found === undefined) throw new ObjectMissingError('output', key);
      return { info: { etag: found.etag }, body: Buffer.from(found.body) };
    },
    async put(key: string, body: Uint8Array, options?: PutOptions) {
      await setImmediate();
      put(key, body, options);
    },
    async *list(prefix: string, { startAfter = '' } = {}) {
      await setImmediate();
      for (const key of [...objects.keys()].sort())
        if (key.startsWith(prefix) && key > startAfter) yield { key };
    },
  };
  const send = async (some: readonly OutgoingMessage[]) => {
    await setImmediate();
    messages.push(...some.map(({ body }) => body));
  };
  const cloudOf = (send_: typeof send): Cloud =>
    ({ cluster: 'c', output, queues: { open: () => ({ send: send_ }) } }) as unknown as Cloud;
  return {
    objects,
    cloud: cloudOf(send),
    /** Of a submitter whose `n`-th send never ends, as if it was killed there. */
    killedAtSend: (n: number) => {
      let sends = 0;
      return cloudOf((some) => (++sends >= n ? new Promise(() => {}) : send(some)));
    },
    record: () => JSON.parse(objects.get(jobKey(job.id))?.body ?? '') as JobRecord,
    /** Names by index, as the manifest has them. */
    manifest() {
      const keys = [...objects.keys()].filter((key) => parsePartKey(key)?.kind === 'part').sort();
      const entries = keys.flatMap((key) =>
        (objects.get(key)?.body ?? '')
          .trimEnd()
          .split('\n')
          .map((line) => manifestEntry.parse(JSON.parse(line))),
      );
      return entries.map(({ index, name }) => [index, name]);
    },
    unmarked: () => {
      const parts = [...objects.keys()].filter((key) => key.startsWith(manifestPrefix(job.id, 1)));
      const marks = parts.filter((key) => key.endsWith('.announced'));
      return parts.length - 2 * marks.length;
    },
    /** How often each image was sent. */
    sent() {
      const counts = new Array<number>(IMAGES).fill(0);
      for (const body of messages)
        for (const { index } of parseRequest(body).images) counts[index] = (counts[index] ?? 0) + 1;
      return counts;
    },
  };
}

/** Sleeping takes no time, but lets the others go on. */
const patient = () => ({ ...virtualClock(), sleep: async () => void (await setImmediate()) });
const submitters = (count: number) => Array.from({ length: count }, (_, n) => `submitter-${n}`);
const expected = Array.from({ length: IMAGES }, (_, index) => [index, nameOf(index)]);

describe('several submitters of the images of an inventory', () => {
  it('announce each image once, in the order of the inventory, and seal the job', async () => {
    const { cloud, manifest, sent, record, objects } = sharedCloud();
    const records = await Promise.all(
      submitters(2).map((submitter) =>
        announceShares(() => inventory(), { cloud, job, submitter, clock: patient(), partsOfShare: 10 }),
      ),
    );
    expect(records.map(({ state, total }) => ({ state, total }))).toEqual(
      submitters(2).map(() => ({ state: 'sealed', total: IMAGES })),
    );
    expect(record()).toMatchObject({ state: 'sealed', total: IMAGES });
    expect(manifest()).toEqual(expected);
    expect(sent()).toEqual(new Array(IMAGES).fill(1));
    const claims = [...objects].filter(([key]) => key.includes('/shares/'));
    expect(new Set(claims.map(([, { body }]) => JSON.parse(body).submitter)).size, 'all took part').toBe(2);
  });

  it('announce also the shares of one that was killed, and only its unmarked parts twice', async () => {
    const { cloud, killedAtSend, manifest, sent, record, unmarked, objects } = sharedCloud();
    const [first = '', second = ''] = submitters(2);
    const options = { job, partsOfShare: 3 };
    void announceShares(() => inventory(), {
      ...options,
      cloud: killedAtSend(6),
      submitter: first,
      clock: patient(),
    });
    await vi.waitFor(() => expect(objects.size).toBeGreaterThan(12));
    const before = unmarked();
    expect(before).toBeGreaterThan(0);
    let readings = 0;
    const open = () => {
      readings++;
      return inventory();
    };
    await announceShares(open, { ...options, cloud, submitter: second, clock: virtualClock() });
    expect(record()).toMatchObject({ state: 'sealed', total: IMAGES });
    expect(manifest()).toEqual(expected);
    expect(sent().filter((count) => count === 0)).toEqual([]);
    expect(unmarked()).toBe(0);
    expect(readings, 'once for free shares, and again for those of the other one').toBeGreaterThan(1);
  });

  it('stops at what another submitter has taken from one that was slow', async () => {
    const { cloud, killedAtSend, sent, manifest } = sharedCloud();
    const [slow = '', fast = ''] = submitters(2);
    const waiting: (() => void)[] = [];
    const held = killedAtSend(Number.POSITIVE_INFINITY);
    const output = { ...held.output, put: held.output.put };
    let puts = 0;
    output.put = async (key, body, options) => {
      if (key.includes('/manifest/') && ++puts === 4) await new Promise<void>((go) => waiting.push(go));
      return await held.output.put(key, body, options);
    };
    const options = { job, partsOfShare: 100 };
    const slowly = announceShares(() => inventory(), {
      ...options,
      cloud: { ...held, output },
      submitter: slow,
      clock: patient(),
    });
    await vi.waitFor(() => expect(waiting).toHaveLength(1));
    await announceShares(() => inventory(), { ...options, cloud, submitter: fast, clock: virtualClock() });
    waiting[0]?.();
    expect(await slowly).toMatchObject({ state: 'sealed', total: IMAGES });
    expect(manifest()).toEqual(expected);
    expect(Math.min(...sent())).toBeGreaterThan(0);
  });

  it('refuses another inventory than that of the others', async () => {
    const { cloud, sent } = sharedCloud();
    const [first = '', second = ''] = submitters(2);
    const options = { cloud, job, clock: patient(), partsOfShare: 2 };
    const announced = announceShares(() => inventory(), { ...options, submitter: first });
    const other = announceShares(() => inventory('other/'), { ...options, submitter: second });
    await expect(other).rejects.toMatchObject({
      kind: 'permanent',
      message: expect.stringContaining('has other images'),
    });
    await announced;
    expect(Math.min(...sent())).toBe(1);
  });

  it('end with the error of a part before they pass over the shares of others', async () => {
    const { cloud } = sharedCloud();
    const others = new ShareClaims(cloud.output, { job: job.id, submitter: 'other' });
    const digest = createHash('sha256');
    let index = 0;
    for await (const { source } of inventory()) {
      const share = [16, 48, 112, 240, 496, 1008, 2032, 3056, 4080].indexOf(index++) + 1;
      if (share > 0) await others.claim(share, digest.copy().digest('hex'), undefined);
      digest.update(`${source} "1"\n`);
    }
    let read = 0;
    async function* images() {
      for await (const input of inventory()) {
        read++;
        yield input;
      }
    }
    const refused = {
      ...cloud,
      queues: { open: () => ({ send: () => Promise.reject(new Error('refused')) }) },
    };
    const announced = announceShares(images, {
      job,
      partsOfShare: 1,
      clock: patient(),
      cloud: refused as unknown as Cloud,
      submitter: 'own',
    });
    await expect(announced).rejects.toThrow('refused');
    expect(read, 'it read on').toBeLessThan(1000);
  });
});

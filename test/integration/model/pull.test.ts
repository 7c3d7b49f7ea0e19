import { hash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { Store } from '../../../src/core/cloud/ports.ts';
import { type CatalogEntry, catalogEntries } from '../../../src/model/catalog.ts';
import { createModelLibrary } from '../../../src/model/library.ts';
import { type PullOptions, pullModel } from '../../../src/model/pull.ts';
import { type Fault, type Hub, startHub } from './hub.ts';
import { BUNDLED_DIR, temporaryFolder } from './support.ts';
import { tinyOnnx } from './tiny-onnx.ts';

const content = tinyOnnx({ seed: 1 });
const older = tinyOnnx({ seed: 2, extraOperator: 'Relu' });
const pin = (bytes: Buffer) => ({
  path: 'resnet/model/tiny.onnx',
  sha256: hash('sha256', bytes),
  bytes: bytes.length,
});
/** The real files may not be available. */
const [resnet50] = catalogEntries('resnet50') as [CatalogEntry];
const entries: CatalogEntry[] = [{ ...resnet50, files: [pin(content), pin(older)] }];

const transfer = { stallMs: 300, maxTries: 3, random: () => 0 };

async function setUp(bytes: Buffer, faults: Fault[] = []) {
  const library = createModelLibrary({
    modelsDir: join(await temporaryFolder(), 'models'),
    bundledDir: BUNDLED_DIR,
  });
  const hub = await startHub(bytes, faults);
  const pull = (options: Partial<PullOptions> = {}) =>
    pullModel('resnet50', {
      library,
      entries,
      mirror: hub.url,
      transfer,
      onProgress: hub.received,
      ...options,
    });
  const leftOver = () => readdir(join(library.modelsDir, '.downloads'));
  return { library, hub, pull, leftOver };
}

/** The offset at which each transfer started. */
const starts = ({ ranges }: Hub) => ranges.map((range) => Number(/=(\d+)-/.exec(range ?? '=0-')?.[1]));

describe('pull', () => {
  it('installs the pinned file with its recipe, and only once', async () => {
    const { library, hub, pull, leftOver } = await setUp(content);
    const seen: number[] = [];
    const { dir, manifest, already } = await pull({ onProgress: (done) => seen.push(done) });
    expect(already).toBe(false);
    expect(manifest).toMatchObject({
      name: 'resnet50',
      variant: 'fp32',
      version: 'v1-12',
      licence: 'Apache-2.0',
    });
    expect(manifest).toMatchObject({
      input: { name: 'data', layout: 'NCHW' },
      source: `${hub.url}resnet/model/tiny.onnx`,
    });
    expect(seen.at(-1)).toBe(content.length);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    const [model] = await library.find('resnet50', 'fp32');
    expect(model?.dir).toBe(dir);
    if (model !== undefined) await library.verify(model);
    expect(await leftOver()).toEqual([]);
    expect((await pull()).already).toBe(true);
    expect(hub.ranges).toHaveLength(1);
  });

  it('accepts an earlier upload of the file', async () => {
    const { pull } = await setUp(older);
    expect((await pull()).manifest.bytes).toBe(older.length);
  });

  it('continues where the connection broke', async () => {
    const { hub, pull } = await setUp(content, [
      { kind: 'break', afterBytes: 4000 },
      { kind: 'break', afterBytes: 3000 },
    ]);
    await pull();
    expect(starts(hub)).toEqual([0, 4000, 7000]);
  });

  it('aborts a transfer that stalls, and continues it', async () => {
    const { hub, pull } = await setUp(content, [{ kind: 'stall', afterBytes: 5000 }]);
    await pull();
    expect(starts(hub)).toEqual([0, 5000]);
  });

  it('retries when the hub is overloaded', async () => {
    const { hub, pull } = await setUp(content, [
      { kind: 'status', status: 503 },
      { kind: 'status', status: 429 },
    ]);
    await pull();
    expect(hub.ranges).toHaveLength(3);
  });

  it('fails after attempts without a byte; the next pull continues the partial file', async () => {
    const nothing: Fault = { kind: 'break', afterBytes: 0 };
    const { library, hub, pull } = await setUp(content, [
      { kind: 'break', afterBytes: 6000 },
      nothing,
      nothing,
    ]);
    await expect(pull()).rejects.toMatchObject({
      kind: 'transient',
      hint: expect.stringContaining('continues where it stopped'),
    });
    expect(await library.find('resnet50')).toEqual([]);
    await pull();
    expect(starts(hub)).toEqual([0, 6000, 6000, 6000]);
  });

  it('starts from the beginning if the partial file has another ETag', async () => {
    const { library, pull, leftOver } = await setUp(content);
    const partial = join(library.modelsDir, '.downloads', 'resnet50-fp32.partial');
    await mkdir(dirname(partial), { recursive: true });
    await writeFile(partial, older.subarray(0, 5000));
    await writeFile(`${partial}.etag`, '"of another file"');
    expect((await pull()).manifest.bytes).toBe(content.length);
    expect(await leftOver()).toEqual([]);
  });

  it('starts from the beginning if the sha256 shows that the partial file belongs to another file', async () => {
    const { library, hub, pull } = await setUp(content);
    const partial = join(library.modelsDir, '.downloads', 'resnet50-fp32.partial');
    await mkdir(dirname(partial), { recursive: true });
    await writeFile(partial, Buffer.alloc(5000));
    expect((await pull()).manifest.bytes).toBe(content.length);
    expect(starts(hub)).toEqual([5000, 0]);
  });

  it.each<[string, (bytes: Buffer) => Buffer, RegExp]>([
    ['changed', (bytes) => Buffer.concat([bytes.subarray(0, -1), Buffer.of(7)]), /its sha256 is/],
    ['shorter', (bytes) => bytes.subarray(0, -1), /bytes; expected/],
    ['longer', (bytes) => Buffer.concat([bytes, Buffer.alloc(1)]), /bytes; expected/],
  ])('refuses a file that is %s and leaves nothing', async (_, change, message) => {
    const { library, pull, leftOver } = await setUp(change(content));
    await expect(pull()).rejects.toMatchObject({
      kind: 'permanent',
      message: expect.stringMatching(message),
    });
    expect(await library.find('resnet50')).toEqual([]);
    expect(await leftOver()).toEqual([]);
  });

  it.each([404, 403])('fails without a retry if the hub answers %i', async (status) => {
    const { hub, pull, leftOver } = await setUp(content, [{ kind: 'status', status }]);
    await expect(pull()).rejects.toMatchObject({
      kind: 'permanent',
      message: expect.stringContaining(`${status}`),
    });
    expect(hub.ranges).toHaveLength(1);
    expect(await leftOver()).toEqual([]);
  });

  it('stops when it is aborted, and continues in the next pull', async () => {
    const { hub, pull } = await setUp(content, [{ kind: 'stall', afterBytes: 5000 }]);
    const stop = new AbortController();
    const onProgress = () => stop.abort();
    await expect(pull({ signal: stop.signal, onProgress })).rejects.toThrow(/abort/i);
    await pull();
    expect(starts(hub)).toEqual([0, 5000]);
  });

  it('accepts a file and a store as source, and checks them too', async () => {
    const { library, hub, pull, leftOver } = await setUp(content);
    const folder = await temporaryFolder();
    const good = join(folder, 'downloaded.onnx');
    const bad = join(folder, 'bad.onnx');
    await writeFile(good, content);
    await writeFile(bad, tinyOnnx({ seed: 3 }));
    await expect(pull({ source: bad })).rejects.toThrow(/its sha256 is/);
    await expect(pull({ source: join(folder, 'none') })).rejects.toThrow(/Cannot read/);
    expect(await leftOver()).toEqual([]);
    await pull({ source: good });
    expect(await readFile(good)).toEqual(content);
    await library.remove('resnet50');

    const requested: string[] = [];
    const openStore = (bucket: string) =>
      ({
        getStream: async (key: string) => {
          requested.push(`${bucket} ${key}`);
          return { info: { bytes: content.length }, body: Readable.from([content]) };
        },
      }) as unknown as Store;
    await pull({ mirror: 's3://models/zoo', openStore });
    expect(requested).toEqual(['models zoo/resnet/model/tiny.onnx']);
    expect(hub.ranges).toEqual([]);
  });

  it('replaces a damaged model', async () => {
    const { library, pull } = await setUp(content);
    const { dir } = await pull();
    await writeFile(join(dir, 'model.onnx'), Buffer.alloc(content.length));
    expect((await pull()).already).toBe(false);
    const [model] = await library.find('resnet50');
    if (model === undefined) throw new Error('not installed');
    await library.verify(model);
  });

  it('rejects a name that is not in the catalog', async () => {
    const { library, pull } = await setUp(content);
    await expect(pullModel('vgg', { library })).rejects.toThrow(
      /model named "vgg": it is not in the catalog/,
    );
    await expect(pull({ variant: 'int8' })).rejects.toThrow(/No int8 variant/);
  });
});

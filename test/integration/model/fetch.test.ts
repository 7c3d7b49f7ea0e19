import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { PutOptions, Store } from '../../../src/core/cloud/ports.ts';
import { refOf } from '../../../src/core/model/model.ts';
import {
  ImgclsError,
  ObjectMissingError,
  PreconditionFailedError,
} from '../../../src/core/runtime/errors.ts';
import type { Log } from '../../../src/core/runtime/log.ts';
import { checkModel } from '../../../src/model/check.ts';
import { createModelFiles, pushModel } from '../../../src/model/fetch.ts';
import { importModel } from '../../../src/model/import.ts';
import { createModelLibrary } from '../../../src/model/library.ts';
import { BUNDLED_DIR, starterManifest, temporaryFolder } from './support.ts';
import { tinyOnnx } from './tiny-onnx.ts';

const log: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** A store on a Map with the needed methods; records puts and streams. */
function memoryStore() {
  const objects = new Map<string, Uint8Array>();
  const puts: string[] = [];
  const streams: string[] = [];
  const faults: unknown[] = [];
  const info = (body: Uint8Array) => ({ etag: 'e', bytes: body.byteLength, modifiedAtMs: 0 });
  const find = (key: string) => {
    const fault = faults.shift();
    if (fault !== undefined) throw fault;
    const body = objects.get(key);
    if (body === undefined) throw new ObjectMissingError('output', key);
    return body;
  };
  const store = {
    bucket: 'output',
    async head(key: string) {
      const body = objects.get(key);
      return body && info(body);
    },
    async get(key: string) {
      const body = find(key);
      return { info: info(body), body };
    },
    async getStream(key: string) {
      const body = find(key);
      streams.push(key);
      return { info: info(body), body: Readable.from([Buffer.from(body)]) };
    },
    async put(key: string, body: Parameters<Store['put']>[1], { only }: PutOptions = {}) {
      if (only === 'absent' && objects.has(key)) throw new PreconditionFailedError('output', key);
      puts.push(key);
      const bytes = body instanceof Uint8Array ? body : Buffer.concat(await body.open().toArray());
      objects.set(key, bytes);
      return info(bytes);
    },
  } as unknown as Store;
  return { store, objects, puts, streams, faults };
}

/** A machine with the model `tiny`, one without it, and the bucket between them. */
async function setUp() {
  const root = await temporaryFolder();
  const library = (name: string) =>
    createModelLibrary({ modelsDir: join(root, name), bundledDir: BUNDLED_DIR });
  const submitter = library('submitter');
  const file = join(root, 'tiny.onnx');
  await writeFile(file, tinyOnnx());
  const { manifest } = await importModel(file, { library: submitter });
  const [model] = await submitter.find('tiny');
  if (model === undefined) throw new Error('not imported');
  const bucket = memoryStore();
  const cacheDir = join(root, 'cache');
  const worker = createModelFiles({
    library: library('worker'),
    output: bucket.store,
    cacheDir,
    version: '1.0.0',
    log,
  });
  return { model, ref: refOf(manifest), submitter, worker, cacheDir, ...bucket };
}

describe('model files of a worker', () => {
  it('come from the library if it has them', async () => {
    const { worker, submitter, model, ref, cacheDir, streams } = await setUp();
    const starter = await starterManifest();
    expect((await worker.ensure(refOf(starter))).dir).toBe(join(BUNDLED_DIR, starter.name));
    const own = createModelFiles({ library: submitter, cacheDir, version: '1.0.0', log });
    expect((await own.ensure(ref)).dir).toBe(model.dir);
    expect(streams).toEqual([]);
  });

  it('come from the cluster after a push, which stores the weights last', async () => {
    const { worker, store, model, ref, puts, streams } = await setUp();
    await expect(worker.ensure(ref)).rejects.toMatchObject({
      kind: 'permanent',
      hint: expect.stringContaining('imgcls model push tiny'),
    });
    expect(await pushModel(model, store)).toBe(true);
    expect(puts.map((key) => key.split('/').at(-1))).toEqual(['labels.json', 'model.json', 'model.onnx']);
    expect(await pushModel(model, store)).toBe(false);
    const { dir } = await worker.ensure(ref);
    await checkModel(dir);
    expect((await worker.ensure(ref)).dir).toBe(dir);
    expect(streams).toEqual([`models/${ref.sha256}/model.onnx`]);
  });

  it('are fetched once for simultaneous calls', async () => {
    const { worker, store, model, ref, streams } = await setUp();
    await pushModel(model, store);
    const locations = await Promise.all([1, 2, 3].map(() => worker.ensure(ref)));
    expect(new Set(locations.map(({ dir }) => dir)).size).toBe(1);
    expect(streams).toHaveLength(1);
  });

  it('are still fetched if one of several callers aborts', async () => {
    const { worker, store, model, ref, streams } = await setUp();
    await pushModel(model, store);
    const aborted = new AbortController();
    const first = worker.ensure(ref, aborted.signal);
    const second = worker.ensure(ref);
    aborted.abort(new Error('enough'));
    await expect(first).rejects.toThrow('enough');
    await checkModel((await second).dir);
    expect(streams).toHaveLength(1);
  });

  it('are fetched by the next call after a transient error', async () => {
    const { worker, store, model, ref, faults } = await setUp();
    await pushModel(model, store);
    faults.push(new ImgclsError('transient', 'the store is down'));
    await expect(worker.ensure(ref)).rejects.toMatchObject({ kind: 'transient' });
    await checkModel((await worker.ensure(ref)).dir);
  });

  it('are refused and deleted if they do not have the pinned sha256', async () => {
    const { worker, store, model, ref, objects, cacheDir } = await setUp();
    await pushModel(model, store);
    objects.set(`models/${ref.sha256}/model.onnx`, tinyOnnx({ seed: 2 }));
    await expect(worker.ensure(ref)).rejects.toThrow(/sha256/);
    objects.set(`models/${ref.sha256}/model.onnx`, Buffer.from('short'));
    await expect(worker.ensure(ref)).rejects.toThrow(/have 5 bytes/);
    expect(await readdir(cacheDir)).toEqual([]);
  });

  it('are fetched again if the cache is damaged', async () => {
    const { worker, store, model, ref, streams } = await setUp();
    await pushModel(model, store);
    const { dir } = await worker.ensure(ref);
    await writeFile(join(dir, 'model.onnx'), tinyOnnx({ seed: 2 }));
    await checkModel((await worker.ensure(ref)).dir);
    await rm(join(dir, 'labels.json'));
    await checkModel((await worker.ensure(ref)).dir);
    expect(streams).toHaveLength(3);
  });

  it('are fetched if the library has a damaged copy', async () => {
    const { submitter, store, model, ref, cacheDir } = await setUp();
    await pushModel(model, store);
    await writeFile(join(model.dir, 'model.onnx'), tinyOnnx({ seed: 2 }));
    const files = createModelFiles({ library: submitter, output: store, cacheDir, version: '1.0.0', log });
    expect((await files.ensure(ref)).dir).toBe(join(cacheDir, ref.sha256));
    await expect(pushModel(model, memoryStore().store)).rejects.toThrow(/sha256/);
  });

  it('are not pushed over files with other labels', async () => {
    const { store, model, ref, objects } = await setUp();
    const labels = `models/${ref.sha256}/labels.json`;
    const forged = Buffer.from(JSON.stringify(model.labels.toReversed()));
    objects.set(labels, forged);
    await expect(pushModel(model, store)).rejects.toThrow(/other labels/);
    expect(objects.get(labels)).toBe(forged);
    objects.delete(labels);
    expect(await pushModel(model, store)).toBe(true);
    objects.set(labels, forged);
    await expect(pushModel(model, store)).rejects.toThrow(/other labels/);
  });
});

import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { openOptimisedModels } from '../../../src/app/optimised-models.ts';
import { registerModel } from '../../../src/cli/commands/models/model.ts';
import type { Store } from '../../../src/core/cloud/ports.ts';
import { createModelLibrary } from '../../../src/model/library.ts';
import { startHub } from './hub.ts';
import { startHubServer } from './hub-server.ts';
import { BUNDLED_DIR, temporaryFolder } from './support.ts';
import { tinyOnnx } from './tiny-onnx.ts';

interface Result {
  out: string;
  err: string;
  error?: unknown;
}

/** `imgcls model ...` in this process, on a library of its own. */
async function setUp(settings: { modelMirror?: string } = {}, endpoint = 'http://127.0.0.1:9') {
  const root = await temporaryFolder();
  const library = createModelLibrary({ modelsDir: join(root, 'models'), bundledDir: BUNDLED_DIR });
  const objects = new Map<string, Buffer>();
  const store = {
    bucket: 'output',
    head: async (key: string) => (objects.has(key) ? { bytes: objects.get(key)?.byteLength } : undefined),
    get: async (key: string) => ({ body: objects.get(key) }),
    async getStream(key: string) {
      const body = objects.get(key) ?? Buffer.alloc(0);
      return { info: { bytes: body.byteLength }, body: Readable.from([body]) };
    },
    async *list(prefix: string) {
      for (const [key, body] of objects)
        if (key.startsWith(prefix)) yield { key, bytes: body.byteLength, etag: key, modifiedAtMs: 0 };
    },
    put: async (key: string, body: Uint8Array | { bytes: number; open(): Readable }) => {
      objects.set(key, Buffer.concat(body instanceof Uint8Array ? [body] : await body.open().toArray()));
    },
  } as unknown as Store;
  let opened = 0;
  const run = async (...args: string[]): Promise<Result> => {
    const [out, err] = [new PassThrough(), new PassThrough()];
    const program = new Command('imgcls')
      .exitOverride()
      .configureOutput({ writeOut: (help) => out.write(help) });
    registerModel(program, async () => {
      opened++;
      return {
        library,
        optimised: openOptimisedModels({ dataDir: root }),
        gate: () => Promise.reject(new Error('not asked for')),
        measure: async () => ({ cores: 2, imagesPerSecond: [10, 20, 21, 22, 100] }),
        nowMs: () => 5,
        settings: { modelVariant: 'auto', ...settings },
        openStore: () => store,
        openOutput: async () => ({ store, close: async () => {} }),
        hub: () => ({ endpoint }),
        clock: { sleep: async () => {} },
        out,
        err,
        interrupted: new AbortController().signal,
      };
    });
    const error = await program.parseAsync(['model', ...args], { from: 'user' }).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    out.end();
    err.end();
    const result = { out: await text(out), err: await text(err) };
    return error === undefined ? result : { ...result, error };
  };
  const tiny = join(root, 'tiny-int8.onnx');
  await writeFile(tiny, tinyOnnx());
  return { run, tiny, root, objects, opened: () => opened };
}

describe('imgcls model', () => {
  it('shows help without opening anything', async () => {
    const { run, opened } = await setUp();
    const { out } = await run('--help');
    for (const verb of ['list', 'info', 'pull', 'import', 'remove', 'verify', 'push'])
      expect(out).toContain(verb);
    expect((await run('pull', '--help')).out).toContain('--source');
    expect(opened()).toBe(0);
  });

  it('lists installed models and those that can be pulled', async () => {
    const { run, tiny } = await setUp();
    await run('import', tiny);
    const { out, err } = await run('list');
    expect(out).toMatch(/efficientnet-lite0\/int8 \*.*75\.1 %.*bundled/);
    expect(out).toMatch(/tiny-int8\/fp32.*installed/);
    expect(out).toMatch(/resnet50\/fp32.*102\.6.*can be pulled/);
    expect(err).toContain('* is the default model');
    const rows = JSON.parse((await run('list', '--format', 'json')).out) as {
      name: string;
      default: boolean;
    }[];
    expect(rows.filter((row) => row.default).map(({ name }) => name)).toEqual(['efficientnet-lite0']);
  });

  it('pulls a model of the Hub, and shows its licence, its card and its commit', async () => {
    const { endpoint, publish } = await startHubServer();
    const commit = publish({
      license: 'cc-by-nc-4.0',
      files: {
        'config.json':
          '{ "architectures": ["ViTForImageClassification"], "id2label": { "0": "Katze", "1": "Hund" } }',
        'preprocessor_config.json': '{ "image_processor_type": "ViTImageProcessor" }',
        'onnx/model.onnx': tinyOnnx({ classes: 2 }),
      },
    });
    const { run } = await setUp({}, endpoint);
    const refused = await run('pull', 'hf:cats/vit');
    expect(refused.err).toBe(
      `cats/vit main is commit ${commit.slice(0, 12)}.\nLicence: cc-by-nc-4.0. Model card: ${endpoint}/cats/vit\n`,
    );
    expect(refused.error).toMatchObject({ message: expect.stringContaining('without your consent') });
    const pulled = await run('pull', 'hf:cats/vit', '--accept-licence', '--name', 'cats');
    expect(pulled.out).toMatch(/^cats\/fp32 installed in /);
    expect((await run('info', 'cats')).out).toContain(`hf:cats/vit@${commit}#onnx/model.onnx`);
    expect((await run('pull', 'hf:cats/vit', '--source', 'x')).error).toMatchObject({
      message: '--source is not for models of the Hugging Face Hub; HF_ENDPOINT names a mirror.',
    });
    expect((await run('pull', 'resnet50', '--accept-licence')).error).toMatchObject({
      message: '--accept-licence is only for models of the Hugging Face Hub.',
    });
  });

  it('imports, shows, verifies, pushes and removes a model', async () => {
    const { run, tiny, objects } = await setUp();
    const imported = await run('import', tiny, '--name', 'mine', '--variant', 'fp32');
    expect(imported.out).toMatch(/^mine\/fp32 installed in /);
    expect(imported.err).toMatch(/standard ImageNet recipe/);
    const [shown] = JSON.parse((await run('info', 'mine', '--format', 'json')).out);
    expect(shown).toMatchObject({ name: 'mine', variant: 'fp32', classes: 1000, bundled: false });
    expect((await run('info', 'mine/fp32')).out).toContain(shown.sha256);
    expect((await run('verify')).out).toBe('efficientnet-lite0/int8 is valid\nmine/fp32 is valid\n');
    expect((await run('push', 'mine')).out).toBe('mine/fp32 pushed to output\n');
    expect((await run('push', 'mine')).out).toBe('mine/fp32 is already in output\n');
    expect([...objects.keys()]).toHaveLength(3);
    expect((await run('remove', 'mine')).out).toMatch(/^Removed /);
    expect((await run('info', 'mine')).error).toMatchObject({
      kind: 'usage',
      message: 'No model mine is installed.',
    });
  });

  it('pulls a model that another machine pushed, which then is valid', async () => {
    const { run, tiny, objects } = await setUp();
    await run('import', tiny, '--name', 'mine', '--variant', 'fp32');
    await run('push', 'mine');
    await run('remove', 'mine');
    expect((await run('pull', 'mine')).out).toMatch(/^mine\/fp32 installed in /);
    expect((await run('pull', 'mine', '--source', 'cluster')).out).toMatch(
      /^mine\/fp32 is already installed/,
    );
    expect((await run('verify', 'mine')).out).toBe('mine/fp32 is valid\n');
    await run('remove', 'mine');
    const weights = [...objects.keys()].find((key) => key.endsWith('.onnx')) ?? '';
    const bytes = Buffer.from(objects.get(weights) ?? '');
    bytes[bytes.byteLength - 1] = 255 - (bytes.at(-1) ?? 0);
    objects.set(weights, bytes);
    expect((await run('pull', 'mine')).error).toMatchObject({
      message: expect.stringMatching(/have sha256/),
    });
    expect((await run('info', 'mine')).error).toMatchObject({ message: 'No model mine is installed.' });
    expect((await run('pull', 'yours')).error).toMatchObject({
      message: 'Bucket output has no model named "yours".',
      hint: expect.stringContaining('imgcls model push yours'),
    });
  });

  it('fails in verify if a model is damaged, after it checked the others', async () => {
    const { run, tiny, root } = await setUp();
    await run('import', tiny, '--name', 'mine', '--variant', 'fp32');
    await writeFile(join(root, 'models/mine/fp32/model.onnx'), tinyOnnx({ seed: 2 }));
    const { out, error } = await run('verify');
    expect(out).toBe('efficientnet-lite0/int8 is valid\n');
    expect(error).toMatchObject({ kind: 'permanent', message: expect.stringContaining('sha256') });
  });

  it('fails in verify if the optimised copy of a model is damaged, and optimize makes it again', async () => {
    const { run, root } = await setUp();
    const title = 'efficientnet-lite0/int8';
    await run('optimize', title);
    const [folder = ''] = await readdir(join(root, 'optimised-models'));
    const data = join(root, 'optimised-models', folder, 'model.onnx.data');
    const bytes = await readFile(data);
    await writeFile(data, bytes.fill(0x5a, 100_000, 120_000));
    expect((await run('verify')).error).toMatchObject({
      kind: 'permanent',
      message: expect.stringContaining(`imgcls model optimize ${title}`),
    });
    await run('optimize', title);
    expect(await run('verify')).toEqual({ out: `${title} is valid\n`, err: '' });
  });

  it('uses a model by default once a person says so, and no longer when it is removed', async () => {
    const { run, root } = await setUp();
    const file = join(root, 'mine.onnx');
    await writeFile(file, tinyOnnx());
    const theDefault = async () =>
      JSON.parse((await run('list', '--format', 'json')).out).find((row: { default: boolean }) => row.default)
        .name;
    const imported = await run('import', file, '--name', 'mine');
    expect(imported.err).toContain('make it the default with "imgcls model use mine".');
    expect(await theDefault()).toBe('efficientnet-lite0');
    expect(await run('use', 'mine')).toEqual({ out: 'mine is the default model.\n', err: '' });
    expect(await theDefault()).toBe('mine');
    expect((await run('remove', 'mine')).err).toBe(
      'mine was the default model. Jobs use the bundled one again.\n',
    );
    expect(await theDefault()).toBe('efficientnet-lite0');
  });

  it('refuses a default that is not installed, or that names a variant', async () => {
    const { run } = await setUp();
    expect((await run('use', 'resnet50')).error).toMatchObject({
      message: 'No model resnet50 is installed.',
    });
    expect((await run('use', 'efficientnet-lite0/int8')).error).toMatchObject({
      kind: 'usage',
      hint: expect.stringContaining('Run "imgcls model use efficientnet-lite0".'),
    });
  });

  it('reports in pull that the mirror has another file', async () => {
    const hub = await startHub(tinyOnnx());
    const { run } = await setUp({ modelMirror: hub.url });
    const { error } = await run('pull', 'resnet50');
    expect(error).toMatchObject({ kind: 'permanent', message: expect.stringContaining('expected') });
    expect(hub.ranges).toHaveLength(1);
  });

  it('shows the progress of pull in lines without a terminal', async () => {
    const { run, root } = await setUp();
    const file = join(root, 'not-the-model.onnx');
    await writeFile(file, Buffer.alloc(1000));
    const { err, error } = await run('pull', 'resnet18', '--source', file);
    expect(err).toBe('resnet18: 0.0 of 0.0 MB\n');
    expect(error).toMatchObject({ message: expect.stringContaining('its sha256 is') });
  });

  it('measures images a second on a core, says when the machine was busy, and keeps the rate for quotes', async () => {
    const { run, objects } = await setUp();
    const { out, err } = await run('bench', 'efficientnet-lite0', '--format', 'json');
    const [row] = JSON.parse(out);
    expect(row).toMatchObject({ model: 'efficientnet-lite0/int8', imagesPerSecondPerCore: 10.5, cores: 2 });
    expect(err).toContain('warning: efficientnet-lite0/int8: the repetitions differ by 90 %.');
    const kept = JSON.parse(String(objects.get('controller/rates.json')));
    expect(Object.values(kept.bySha256)).toEqual([
      expect.objectContaining({ model: row.model, imagesPerSecondPerCore: 10.5, atMs: 5 }),
    ]);
  });
});

import { execFile } from 'node:child_process';
import { hash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { pythonWith } from '../../../benchmarks/peers/environments.ts';
import { makeWordsApart } from '../../../src/app/words-process.ts';
import { ImgclsError } from '../../../src/core/runtime/errors.ts';
import { type HubPullOptions, pullFromHub } from '../../../src/model/hub/pull.ts';
import { parseHubReference } from '../../../src/model/hub/reference.ts';
import { importModel } from '../../../src/model/import.ts';
import { createModelLibrary, type LibraryModel } from '../../../src/model/library.ts';
import { makeWords } from '../../../src/model/words/make-words.ts';
import { closedPort, type HubModel, type HubServer, startHubServer } from './hub-server.ts';
import { BUNDLED_DIR, temporaryFolder } from './support.ts';
import { tinyOnnx } from './tiny-onnx.ts';

const CLASSES = 1200;
const WEIGHTS = tinyOnnx({ classes: CLASSES });
const config = (changes: object = {}) =>
  JSON.stringify({
    architectures: ['ViTForImageClassification'],
    id2label: Object.fromEntries(Array.from({ length: CLASSES }, (_, id) => [id, `Klasse ${id}`])),
    ...changes,
  });
const FILES = {
  'README.md': '# Cats',
  'config.json': config(),
  'preprocessor_config.json': JSON.stringify({ image_processor_type: 'ViTImageProcessor', size: 224 }),
  'onnx/model.onnx': WEIGHTS,
};
const MODEL: HubModel = { license: 'apache-2.0', files: FILES };

const SETTINGS_BYTES = Buffer.byteLength(FILES['config.json'] + FILES['preprocessor_config.json']);

const rangesOf = ({ requests }: HubServer) =>
  requests
    .filter(({ host, path: asked }) => host === 'cdn' && asked.includes('.onnx'))
    .map(({ range }) => range);

async function setUp(model: HubModel = MODEL) {
  const modelsDir = path.join(await temporaryFolder(), 'models');
  const library = createModelLibrary({ modelsDir, bundledDir: BUNDLED_DIR });
  const server = await startHubServer();
  const commit = server.publish(model);
  const pauses: number[] = [];
  const found: unknown[] = [];
  const pull = (
    reference = 'hf:cats/vit',
    { token, ...options }: Partial<HubPullOptions> & { token?: string } = {},
  ) =>
    pullFromHub(parseHubReference(reference), {
      library,
      access: { endpoint: server.endpoint, token },
      clock: { sleep: async (ms) => void pauses.push(ms) },
      random: () => 0.5,
      isAccepted: false,
      onFound: (one) => found.push(one),
      transfer: { maxTries: 3 },
      ...options,
    });
  /** All files below the folder of models. */
  const left = async () =>
    (await readdir(modelsDir, { recursive: true, withFileTypes: true }).catch(() => []))
      .filter((entry) => entry.isFile())
      .map(({ name }) => name);
  return { library, server, commit, pull, pauses, found, left };
}

/** The failure in one line, and that nothing is left of it. */
async function failureOf(setup: Awaited<ReturnType<typeof setUp>>, ...pull: Parameters<typeof setup.pull>) {
  const failure = await setup.pull(...pull).catch((error: unknown) => error);
  if (!(failure instanceof ImgclsError)) throw new Error('no failure for people', { cause: failure });
  expect(failure.message).not.toContain('\n');
  expect(await setup.left()).toEqual([]);
  return `${failure.message} ${failure.hint ?? ''}`;
}

describe('a model of the Hub', () => {
  it('is installed at the commit that the branch has, once', async () => {
    const { pull, server, commit, found, library, left } = await setUp();
    const { manifest, already } = await pull();
    expect(already).toBe(false);
    expect(manifest).toMatchObject({
      name: 'vit',
      version: commit.slice(0, 12),
      variant: 'fp32',
      licence: 'apache-2.0',
      source: `hf:cats/vit@${commit}#onnx/model.onnx`,
      bytes: WEIGHTS.length,
    });
    expect(found).toEqual([
      {
        commit,
        licence: 'apache-2.0',
        card: `${server.endpoint}/cats/vit`,
        bytes: expect.any(Number),
        replaces: undefined,
      },
    ]);
    const [model] = await library.find('vit');
    expect(model?.labels[7]).toEqual({ wnid: '7', label: 'Klasse 7' });
    expect((await left()).sort()).toEqual(['labels.json', 'model.json', 'model.onnx']);
    const before = server.requests.length;
    expect((await pull()).already).toBe(true);
    expect(server.requests).toHaveLength(before + 1);
  });

  it('is downloaded with a token that its redirects do not carry to another host', async () => {
    const setup = await setUp({ ...MODEL, token: 'secret', gated: 'manual' });
    await setup.pull('hf:cats/vit', { token: 'secret', isAccepted: true });
    const authorizations = (host: string) =>
      new Set(setup.server.requests.filter((one) => one.host === host).map((one) => one.authorization));
    expect(authorizations('hub')).toEqual(new Set(['Bearer secret']));
    expect(authorizations('cdn')).toEqual(new Set([undefined]));
  });

  it('moves with its branch, and stays at a commit', async () => {
    const { pull, server, commit, found } = await setUp();
    await pull();
    const next = server.publish({
      ...MODEL,
      files: { ...FILES, 'onnx/model.onnx': tinyOnnx({ classes: CLASSES, seed: 2 }) },
    });
    expect((await pull(`hf:cats/vit@${commit}`)).already).toBe(true);
    expect((await pull()).manifest.version).toBe(next.slice(0, 12));
    expect(found.at(-1)).toMatchObject({ commit: next, replaces: commit });
    expect((await pull(`hf:cats/vit@${commit}`)).manifest.version).toBe(commit.slice(0, 12));
  });

  it('is downloaded on from where the connection broke', async () => {
    const { pull, server } = await setUp();
    server.fail('cdn', { breakAfterBytes: 2000 });
    await pull('hf:cats/vit', { onProgress: (bytes) => server.received(bytes - SETTINGS_BYTES) });
    expect(rangesOf(server)).toEqual([undefined, 'bytes=2000-']);
  });

  it('is downloaded on from where an earlier pull was interrupted', async () => {
    const { pull, server, left } = await setUp();
    server.fail('cdn', { breakAfterBytes: 2000 });
    const interrupted = new AbortController();
    const onProgress = (bytes: number) => {
      if (bytes - SETTINGS_BYTES >= 2000) interrupted.abort();
    };
    await expect(pull('hf:cats/vit', { onProgress, signal: interrupted.signal })).rejects.toThrow(/abort/);
    expect(await left()).toContainEqual(`${hash('sha256', WEIGHTS)}.partial`);
    await pull();
    expect(rangesOf(server)).toEqual([undefined, 'bytes=2000-']);
    expect((await left()).sort()).toEqual(['labels.json', 'model.json', 'model.onnx']);
  });

  it('leaves no part of a commit from which its branch has moved', async () => {
    const { pull, server, left } = await setUp();
    server.fail('cdn', { breakAfterBytes: 2000 }, { status: 503 }, { status: 503 });
    const onProgress = (bytes: number) => server.received(bytes - SETTINGS_BYTES);
    await expect(pull('hf:cats/vit', { onProgress })).rejects.toThrow(/503/);
    expect(await left()).toContainEqual(`${hash('sha256', WEIGHTS)}.partial`);
    const moved = tinyOnnx({ classes: CLASSES, seed: 2 });
    server.publish({ ...MODEL, files: { ...FILES, 'onnx/model.onnx': moved } });
    server.fail('cdn', { status: 503 }, { status: 503 }, { status: 503 });
    await expect(pull()).rejects.toThrow(/503/);
    expect((await left()).filter((name) => name.startsWith(hash('sha256', WEIGHTS)))).toEqual([]);
    await pull();
    expect((await left()).sort()).toEqual(['labels.json', 'model.json', 'model.onnx']);
  });

  it.each([
    ['a public Hub', '8.8.8.8', '10.1.2.3', 'a private network'],
    ['a public Hub', '2606:4700:4700::1111', '::ffff:169.254.169.254', 'the metadata of its machine'],
    ['a private mirror', '10.1.2.3', '169.254.169.254', 'the metadata of its machine'],
    ['a private mirror', 'fd12::1', '127.0.0.1', 'its machine'],
  ])('is refused if %s (%s) leads to %s, %s', async (_, hub, cdn) => {
    const setup = await setUp();
    const failure = await failureOf(setup, 'hf:cats/vit', {
      access: { endpoint: setup.server.endpoint.replace('127.0.0.1', 'localhost') },
      addressesOf: async (host) => [host === 'localhost' ? hub : cdn],
    });
    expect(failure).toMatch(
      /^localhost:\d+ redirects to 127\.0\.0\.1:\d+, which is in a private network or on this/,
    );
    expect(setup.server.requests.filter(({ host }) => host === 'cdn')).toEqual([]);
  });

  it('follows a private mirror to other private servers, and to public ones', async () => {
    for (const cdn of ['192.168.1.1', '8.8.8.8']) {
      const { pull, server } = await setUp();
      const { already } = await pull('hf:cats/vit', {
        access: { endpoint: server.endpoint.replace('127.0.0.1', 'localhost') },
        addressesOf: async (host) => [host === 'localhost' ? '10.1.2.3' : cdn],
      });
      expect(already).toBe(false);
    }
  });

  it('is asked for again after the pause that the server names', async () => {
    const { pull, server, pauses } = await setUp();
    server.fail('hub', { status: 429, headers: { 'retry-after': '7' } }, { status: 503 });
    server.fail('cdn', { status: 429, headers: { 'retry-after': '3' } });
    await pull();
    expect(pauses).toEqual([7000, 200, 3000]);
  });

  it.each<[string, Partial<HubModel>, RegExp]>([
    [
      'without weights',
      { files: { 'config.json': '{}', 'pytorch_model.bin': '' } },
      /^hf:cats\/vit has no ONNX weights, only pytorch_model\.bin\. Look for the model in onnx-community/,
    ],
    [
      'without a processor',
      { files: { ...FILES, 'preprocessor_config.json': undefined as never } },
      /^hf:cats\/vit has no preprocessor_config\.json, which says how to prepare images\./,
    ],
    [
      'that detects objects',
      { files: { ...FILES, 'config.json': config({ architectures: ['DetrForObjectDetection'] }) } },
      /^hf:cats\/vit\/config\.json: DetrForObjectDetection is not an image classifier\./,
    ],
    [
      'with an empty label',
      { files: { ...FILES, 'config.json': config({ id2label: { 0: '' } }) } },
      /^hf:cats\/vit\/config\.json: the label of class 0 is empty\./,
    ],
    [
      'with a licence that forbids commerce',
      { license: 'cc-by-nc-4.0' },
      /^Cannot install cats\/vit without your consent: its licence, cc-by-nc-4\.0, may forbid your use\. .*--accept-licence/,
    ],
    ['without a licence', { license: undefined }, /its card names no licence\./],
    ['that is gated', { gated: 'auto' }, /its owner has set conditions of access\./],
  ])('is refused: one %s', async (_, model, message) => {
    const files = Object.fromEntries(
      Object.entries(model.files ?? FILES).filter(([, content]) => content !== undefined),
    );
    const setup = await setUp({ ...MODEL, ...model, files });
    expect(await failureOf(setup)).toMatch(message);
    const weights = setup.server.requests.filter(({ path: asked }) => asked.includes('.onnx'));
    expect(weights).toEqual([]);
  });

  it('is refused if it takes pictures of 16 bits', async () => {
    const half = tinyOnnx({ classes: CLASSES, isHalf: true, input: 'float16' });
    const setup = await setUp({ ...MODEL, files: { ...FILES, 'onnx/model_fp16.onnx': half } });
    expect(await failureOf(setup, 'hf:cats/vit#fp16')).toMatch(
      /^The model is not a usable image classifier: its input is float16 \[\?, 3, 224, 224\]\. .*one float32 input/,
    );
  });

  it('is installed under any licence that a person accepts', async () => {
    const { pull } = await setUp({ ...MODEL, license: 'cc-by-nc-4.0' });
    expect((await pull('hf:cats/vit', { isAccepted: true })).manifest.licence).toBe('cc-by-nc-4.0');
  });

  it('is refused if access is', async () => {
    const isAccepted = true;
    const gated = await setUp({ ...MODEL, token: 'secret', gated: 'manual' });
    expect(await failureOf(gated, 'hf:cats/vit', { isAccepted })).toMatch(
      /^cats\/vit is gated: its owner has set conditions of access\. Accept them at .*\/cats\/vit, then set HF_TOKEN/,
    );
    expect(await failureOf(gated, 'hf:cats/vit', { isAccepted, token: 'wrong' })).toMatch(
      /has no access yet/,
    );
    const hidden = await setUp({ ...MODEL, token: 'secret' });
    expect(await failureOf(hidden)).toMatch(
      /^There is no model cats\/vit, or it is private\. .*set HF_TOKEN/,
    );
    expect(await failureOf(hidden, 'hf:cats/vit@v9')).toMatch(/^cats\/vit has no revision "v9"\./);
    expect(await failureOf(hidden, 'hf:dogs/vit')).toMatch(
      /^There is no model dogs\/vit, or it is private\./,
    );
  });

  it('is refused if a file is not the one that the Hub lists', async () => {
    const weights = await setUp();
    weights.server.tamper('onnx/model.onnx');
    expect(await failureOf(weights)).toMatch(
      /onnx\/model\.onnx has the sha256 [0-9a-f]{64}; the Hub lists [0-9a-f]{64}\./,
    );
    const settings = await setUp();
    settings.server.tamper('preprocessor_config.json');
    expect(await failureOf(settings)).toMatch(
      /preprocessor_config\.json has the git id [0-9a-f]{40}; the Hub lists/,
    );
  });

  it('is not called gated if only the place of its files refuses them', async () => {
    const setup = await setUp();
    setup.server.fail('cdn', { status: 403 });
    expect(await failureOf(setup)).toMatch(/answered 403 Forbidden\. .* keeps the file there/);
  });

  it('cannot steer the terminal with its licence', async () => {
    const { pull } = await setUp({ ...MODEL, license: 'mit\u001b[2J\nhint' });
    expect((await pull('hf:cats/vit', { isAccepted: true })).manifest.licence).toBe(
      'mit\\u001b[2J\\u000ahint',
    );
  });

  it.skipIf(process.platform !== 'linux')('frees the disk that it has filled, and says so', async () => {
    const setup = await setUp();
    const downloads = path.join(setup.library.modelsDir, '.downloads/cats--vit');
    await mkdir(downloads, { recursive: true });
    await symlink('/dev/full', path.join(downloads, `${hash('sha256', WEIGHTS)}.partial`));
    expect(await failureOf(setup)).toMatch(/^This machine's disk is full: ENOSPC/);
  });

  it('is refused if the server stays busy, or is another one', async () => {
    const setup = await setUp();
    setup.server.fail('hub', ...Array.from({ length: 6 }, () => ({ status: 429 })));
    expect(await failureOf(setup)).toMatch(/^Cannot read .*answered 429 Too Many Requests\. Try again later/);
    const access = { endpoint: await closedPort() };
    expect(await failureOf(setup, 'hf:cats/vit', { access })).toMatch(/^Cannot read .*ECONNREFUSED/);
  });

  it('does not take over the name of another model', async () => {
    const { pull, library } = await setUp();
    const { dir } = await importModel(await tinyFile(), { library, name: 'vit' });
    await expect(pull()).rejects.toThrow(
      /^Another model named vit is installed, from imported from tiny\.onnx\.$/,
    );
    expect((await pull('hf:cats/vit', { name: 'cats-vit' })).dir).not.toBe(dir);
  });

  it('does not take over a name by another variant, or that of a model of imgcls, and says so before it downloads', async () => {
    const setup = await setUp({ ...MODEL, files: { ...FILES, 'onnx/model_quantized.onnx': WEIGHTS } });
    for (const name of ['efficientnet-lite0', 'resnet50'])
      expect(await failureOf(setup, 'hf:cats/vit#q8', { name })).toMatch(
        `imgcls has a model of its own named ${name}. Choose another name with --name.`,
      );
    expect(await failureOf(setup, 'hf:cats/vit', { name: 'a'.repeat(65) })).toMatch(/^Invalid model name/);
    const { library, pull, server } = setup;
    await importModel(await tinyFile(), { library, name: 'vit' });
    await expect(pull('hf:cats/vit#q8')).rejects.toThrow(/^Another model named vit is installed/);
    expect(server.requests).toEqual([]);
  });
});

const python = await pythonWith('pool.txt').catch((error: unknown) => {
  if (process.env.CI) throw error;
  console.warn(`SKIPPED: tests of models with own labels need Python and package indexes. ${error}`);
});

describe.skipIf(python === undefined)('a model of the Hub that compares images with texts', () => {
  const repositories: Record<string, Record<string, Buffer>> = {};
  beforeAll(async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'imgcls-hub-'));
    const script = path.join(import.meta.dirname, '../../parity/words/models.py');
    await promisify(execFile)(python ?? '', [script, folder]);
    for (const name of ['tiny-clip', 'tiny-siglip'])
      repositories[name] = await filesBelow(path.join(folder, name));
    await rm(folder, { recursive: true });
  });
  const repository = (files: Record<string, Buffer>) => setUp({ license: 'mit', files });

  it.each(['tiny-clip', 'tiny-siglip'])(
    'is installed with both sides, and reads labels (%s)',
    async (name) => {
      const { pull, server, commit, library, left } = await repository(repositories[name] ?? {});
      const { manifest } = await pull('hf:cats/vit', { name });
      expect(manifest).toMatchObject({
        name,
        version: commit.slice(0, 12),
        licence: 'mit',
        source: `hf:cats/vit@${commit}#onnx/vision_model.onnx`,
        zeroShot: { length: 16 },
      });
      const [model] = await library.find(name);
      const { document } = await makeWords(model as LibraryModel, ['cat', 'dog']);
      expect(JSON.parse(String(document)).labels).toEqual(['cat', 'dog']);
      expect(await makeWordsApart(model as LibraryModel, ['cat', 'dog'])).toMatchObject({ document });
      expect((await left()).sort()).toEqual([
        'labels.json',
        'model.json',
        'model.onnx',
        'text_model.onnx',
        'tokenizer.json',
        'tokenizer_config.json',
      ]);
      const before = server.requests.length;
      expect((await pull('hf:cats/vit', { name })).already).toBe(true);
      expect(server.requests).toHaveLength(before + 1);
      // As a copy from a cluster has it.
      await rm(path.join(model?.dir ?? '', 'text_model.onnx'));
      await expect(makeWordsApart(model as LibraryModel, ['cat', 'dog'])).rejects.toThrow(
        /^Cannot load .*text_model\.onnx as a model/,
      );
      expect((await pull('hf:cats/vit', { name })).already).toBe(false);
    },
  );

  it('reads labels in lower case if it is a SigLIP 2, whose tokenizer does not', async () => {
    const { 'tokenizer_config.json': settings, ...files } = repositories['tiny-siglip'] ?? {};
    const vectorsOf = async (tokenizerClass: string, labels: string[]) => {
      const changed = { ...JSON.parse(String(settings)), tokenizer_class: tokenizerClass };
      const { pull, library } = await repository({
        ...files,
        'tokenizer_config.json': Buffer.from(JSON.stringify(changed)),
      });
      await pull();
      const [model] = await library.find('vit');
      const { document } = await makeWords(model as LibraryModel, labels, '{}');
      return JSON.parse(String(document)).vectors;
    };
    expect(await vectorsOf('GemmaTokenizerFast', ['Cat'])).toBe(
      await vectorsOf('GemmaTokenizerFast', ['cat']),
    );
    expect(await vectorsOf('SiglipTokenizer', ['Cat'])).not.toBe(await vectorsOf('SiglipTokenizer', ['cat']));
  });

  it('takes its image side in the precision that is named', async () => {
    const { 'onnx/vision_model.onnx': _, ...files } = repositories['tiny-siglip'] ?? {};
    const setup = await repository(files);
    expect(await failureOf(setup, 'hf:cats/vit#fp16')).toMatch(
      /^hf:cats\/vit has no ONNX weights of precision fp16, only .*vision_model_quantized\.onnx/,
    );
    expect((await setup.pull('hf:cats/vit#q8')).manifest.variant).toBe('int8');
  });

  it.each([
    [
      'a tokenizer',
      'tokenizer.json',
      /^hf:cats\/vit has no tokenizer\.json, which says how to read labels\./,
    ],
    [
      'its text side',
      'onnx/text_model.onnx',
      /^hf:cats\/vit has no onnx\/text_model\.onnx, only onnx\/model\.onnx/,
    ],
    ['both sides in one', 'onnx/model.onnx', /^hf:cats\/vit does not say logit_scale/],
    ['a processor', 'preprocessor_config.json', /^hf:cats\/vit has no preprocessor_config\.json/],
    [
      'its image side',
      'onnx/vision_model.onnx',
      /^hf:cats\/vit\/config\.json: CLIPModel is not an image classifier/,
    ],
  ])('is refused without %s', async (_, missing, message) => {
    const { [missing]: __, ...files } = repositories['tiny-clip'] ?? {};
    const setup = await repository(files);
    expect(await failureOf(setup)).toMatch(message);
    expect(setup.server.requests.filter(({ host }) => host === 'cdn')).toEqual([]);
  });

  it('is refused if its image side takes pictures of 16 bits', async () => {
    const half = tinyOnnx({ isHalf: true, input: 'float16' });
    const setup = await repository({ ...repositories['tiny-clip'], 'onnx/vision_model_fp16.onnx': half });
    expect(await failureOf(setup, 'hf:cats/vit#fp16')).toBe(
      'The model takes or returns numbers of 16 bits: data. Choose another precision, such as #fp32 or #q8: only weights may have 16 bits.',
    );
  });

  it('is refused if it is of another kind, or its files do not belong together', async () => {
    const [clip = {}, siglip = {}] = [repositories['tiny-clip'], repositories['tiny-siglip']];
    const other = Buffer.from(JSON.stringify({ model_type: 'blip', architectures: ['BlipModel'] }));
    expect(await failureOf(await repository({ ...clip, 'config.json': other }))).toMatch(
      /^hf:cats\/vit\/config\.json: this is not a model of the kind of clip or siglip\./,
    );
    const mixed = { ...siglip, 'onnx/model.onnx': clip['onnx/model.onnx'] as Buffer };
    expect(await failureOf(await repository(mixed))).toMatch(
      /^The logits of model\.onnx are not those of vision_model\.onnx and text_model\.onnx\./,
    );
  });
});

async function filesBelow(folder: string): Promise<Record<string, Buffer>> {
  const entries = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((each) =>
    each.isFile(),
  );
  const files: Record<string, Buffer> = {};
  for (const { parentPath, name } of entries) {
    const file = path.join(parentPath, name);
    files[path.relative(folder, file)] = await readFile(file);
  }
  return files;
}

async function tinyFile(): Promise<string> {
  const file = path.join(await temporaryFolder(), 'tiny.onnx');
  await writeFile(file, tinyOnnx());
  return file;
}

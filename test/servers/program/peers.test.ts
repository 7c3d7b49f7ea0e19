/** The programs that `npm run bench:peers` compares with: those whose packages are small. */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { InferenceSession } from 'onnxruntime-node';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { distinctPhotographs } from '../../../benchmarks/distinct-photographs.ts';
import { peerFile, pythonWith } from '../../../benchmarks/peers/environments.ts';
import { measuredRun } from '../../../benchmarks/peers/measured-run.ts';
import { openPool } from '../../../benchmarks/peers/others.ts';
import { repository } from '../../e2e/package.ts';

const run = promisify(execFile);
const model = path.join(repository, 'models/efficientnet-lite0');
const samples = path.join(repository, 'samples');
let folder: string;
let python: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'imgcls-peers-'));
  python = await pythonWith('pool.txt');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it('the pool of Python processes labels the samples', async () => {
  const photographs = path.join(folder, 'photographs');
  await distinctPhotographs(photographs, { sources: samples, count: 6 });
  const pool = await openPool({ model: { dir: model }, processes: 2 });
  const { labelsOf, ...command } = await pool.prepare(photographs);
  const { stdout } = await measuredRun(command, { python, folder });
  const expected: Record<string, string> = JSON.parse(
    await readFile(path.join(samples, 'expected.json'), 'utf8'),
  );
  const labels = labelsOf(stdout);
  expect([...labels.keys()]).toEqual(await readdir(photographs));
  for (const [name, label] of labels)
    expect(expected[name.slice(name.indexOf('-') + 1)], name).toContain(label);
});

it('a model as transformers.js takes it has its names of input and output', async () => {
  const hub = path.join(folder, 'hub');
  await run(python, [peerFile('hub_model.py'), model, hub]);
  const session = await InferenceSession.create(path.join(hub, 'onnx', 'model.onnx'));
  expect([session.inputNames, session.outputNames]).toEqual([['pixel_values'], ['logits']]);
  await session.release();
});

it.runIf(process.platform === 'linux')(
  'processor time includes that of a process that outlives the command',
  async () => {
    const work = 'import time\nwhile time.process_time() < 0.3: pass';
    const command = ['sh', '-c', '"$1" -c "$2" &', 'sh', python, work];
    const { cpuMs } = await measuredRun({ command, env: process.env }, { python, folder });
    expect(cpuMs).toBeGreaterThanOrEqual(300);
  },
);

/** The contenders that are not imgcls. */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import type { InstalledModel } from '../installed-model.ts';
import type { Contender, Run, Work } from './contender.ts';
import { peerFile, pinnedVersion, pythonWith, TRANSFORMERS, transformersScript } from './environments.ts';

const run = promisify(execFile);

/** A line for each photograph: its name, a tab, the id of its best class. */
const tabbed = (stdout: string): Map<string, string> =>
  new Map(
    stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t') as [string, string]),
  );

const scriptRun = (command: readonly string[], env: NodeJS.ProcessEnv = {}): Run => ({
  command,
  env: { ...process.env, ...env },
  labelsOf: tabbed,
});

export async function openPool({
  model,
  processes,
}: {
  model: Pick<InstalledModel, 'dir'>;
  processes: number;
}): Promise<Contender> {
  const python = await pythonWith('pool.txt');
  const [pillow, runtime] = ['pillow', 'onnxruntime'].map((name) => pinnedVersion('pool.txt', name));
  const commandFor = (photographs: string) => [
    python,
    peerFile('pool.py'),
    photographs,
    model.dir,
    String(processes),
  ];
  return {
    title: `a Python script: a pool of ${processes} processes, Pillow ${pillow}, ONNX Runtime ${runtime}, batches of 8`,
    prepare: async (photographs) => scriptRun(commandFor(photographs), { OMP_NUM_THREADS: '1' }),
  };
}

export async function openRayData({ model, processes }: Work): Promise<Contender> {
  const python = await pythonWith('ray.txt');
  const commandFor = (photographs: string) => [
    python,
    peerFile('ray_data.py'),
    photographs,
    model.dir,
    String(processes),
  ];
  return {
    title: `Ray Data ${pinnedVersion('ray.txt', 'ray')}, as its guide to batch inference has it`,
    prepare: async (photographs) => scriptRun(commandFor(photographs), { RAY_USAGE_STATS_ENABLED: '0' }),
  };
}

export async function openTransformers({ model, folder }: Work): Promise<Contender> {
  const python = await pythonWith('pool.txt');
  const script = await transformersScript();
  const hub = path.join(folder, 'hub');
  await run(python, [peerFile('hub_model.py'), model.dir, path.join(hub, model.name)]);
  return {
    title: `transformers.js ${TRANSFORMERS.split('@').at(-1)} \`pipeline\`, one image at a time`,
    prepare: async (photographs) => scriptRun([process.execPath, script, photographs, hub, model.name]),
  };
}

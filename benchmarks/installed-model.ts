import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const NAME = 'benchmarked';

/** The measured model, in a data folder that contains nothing else. */
export interface InstalledModel {
  name: string;
  variant: string;
  /** Contains model.onnx, model.json and labels.json. */
  dir: string;
  file: string;
  mean: number[];
  std: number[];
  /** The environment of a command with a new data folder that contains only the model. */
  fresh(): Promise<NodeJS.ProcessEnv & { IMGCLS_DATA_DIR: string }>;
}

/**
 * Imports the model if a file is given, else takes the bundled one. Optimises it, as an earlier run of a worker would have.
 */
export async function installModel(
  bin: string,
  work: string,
  file: string | undefined,
): Promise<InstalledModel> {
  const dataDir = await mkdtemp(path.join(work, 'models-of-'));
  const env = { ...process.env, IMGCLS_DATA_DIR: dataDir };
  const imgcls = (...args: string[]) => run(process.execPath, [bin, ...args], { env });
  if (file !== undefined) await imgcls('model', 'import', path.resolve(file), '--name', NAME);
  const name = file === undefined ? 'efficientnet-lite0' : NAME;
  await imgcls('model', 'optimize', name);
  const { stdout } = await imgcls('model', 'list', '--format', 'json');
  const { dir } = JSON.parse(stdout).find((model: { name: string }) => model.name === name);
  const manifest = JSON.parse(await readFile(path.join(dir, 'model.json'), 'utf8'));
  return {
    name,
    variant: manifest.variant,
    dir,
    file: path.join(dir, 'model.onnx'),
    mean: manifest.preprocess.mean,
    std: manifest.preprocess.std,
    async fresh() {
      const copy = await mkdtemp(path.join(work, 'data-'));
      await cp(dataDir, copy, { recursive: true });
      return { ...process.env, IMGCLS_DATA_DIR: copy, IMGCLS_MODEL: name };
    },
  };
}

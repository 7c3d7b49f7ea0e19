// What other programs say about the same models and pictures: Pillow with ONNX Runtime in Python, and transformers.js.
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { pythonWith, transformersScript } from '../../../benchmarks/peers/environments.ts';

/** Scores of each class, by model and by picture. */
export type Scores = Readonly<Record<string, Readonly<Record<string, readonly number[]>>>>;

export interface Others {
  /** Has a folder for each model. */
  models: string;
  byPillow: Scores;
  byTransformers(pictures: Record<string, string[]>): Promise<Scores>;
}

export interface RealModel {
  weights: string;
  classes: string;
}

const MAX_OUTPUT_BYTES = 64 * 2 ** 20;

/** Undefined, with a warning, if they cannot be installed here. @throws in that case if `CI` is set. */
export async function askOthers(
  folder: string,
  photographs: readonly string[],
  real: RealModel | undefined,
): Promise<Others | undefined> {
  const programs = await install();
  if (programs === undefined) return undefined;
  const options = real === undefined ? [] : ['--real', real.weights, real.classes];
  const script = path.join(import.meta.dirname, 'models.py');
  await promisify(execFile)(programs.python, [script, folder, ...options, ...photographs]);
  const models = path.join(folder, 'models');
  return {
    models,
    byPillow: JSON.parse(await readFile(path.join(folder, 'scores.json'), 'utf8')),
    byTransformers: (pictures) => runTransformers(programs.transformers, models, pictures),
  };
}

async function install(): Promise<{ python: string; transformers: string } | undefined> {
  try {
    return {
      python: await pythonWith('pool.txt'),
      transformers: await transformersScript(path.join(import.meta.dirname, 'scores.mjs')),
    };
  } catch (cause) {
    const message =
      'Tests of parity with Pillow and transformers.js need python3 (3.11 or later) with venv, and package indexes.';
    if (process.env.CI) throw new Error(message, { cause });
    console.warn(`SKIPPED. ${message}\n${cause instanceof Error ? cause.message : cause}`);
    return undefined;
  }
}

async function runTransformers(
  script: string,
  models: string,
  pictures: Record<string, string[]>,
): Promise<Scores> {
  const running = promisify(execFile)(process.execPath, [script, models], { maxBuffer: MAX_OUTPUT_BYTES });
  running.child.stdin?.end(JSON.stringify(pictures));
  return JSON.parse((await running).stdout);
}

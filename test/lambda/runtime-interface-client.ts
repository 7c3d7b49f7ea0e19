/**
 * AWS's own runtime interface client: what runs a handler of Node.js in AWS Lambda. It comes from npm and is built with
 * CMake and the headers of this repository's Node, once, into the user's cache.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder, installOnce } from '../installed.ts';
import { startRuntimeApi } from './runtime-api.ts';

const PINS = path.join(import.meta.dirname, 'install');
const { dependencies } = JSON.parse(readFileSync(path.join(PINS, 'package.json'), 'utf8'));
const HOME = path.join(cacheFolder('imgcls-lambda'), `aws-lambda-ric-${dependencies['aws-lambda-ric']}`);
/** Where Node lies that runs this: its headers are in include/node beside its folder bin. */
const NODE_HOME = path.join(path.dirname(process.execPath), '..');

/** A global set-up of Vitest. */
export async function setup(): Promise<void> {
  await installOnce(HOME, async (draft) => {
    await cp(PINS, draft, { recursive: true });
    // Its own scripts build it. They would download the headers from nodejs.org.
    const options = { cwd: draft, env: { ...process.env, npm_config_nodedir: NODE_HOME } };
    await promisify(execFile)('npm', ['ci', '--ignore-scripts=false'], options);
  });
}

/** What Lambda itself sets (https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html). */
const OF_LAMBDA = {
  _HANDLER: 'index.handler',
  AWS_LAMBDA_FUNCTION_NAME: 'imgcls-default-controller',
  AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
  AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '512',
  AWS_LAMBDA_LOG_GROUP_NAME: '/imgcls/default',
  AWS_LAMBDA_LOG_STREAM_NAME: 'test',
};

/** An execution environment, as AWS Lambda keeps it between calls. */
export interface Environment {
  /** @param timeLimitMs from when the call begins. @throws what the handler threw. */
  call(event: object, timeLimitMs: number): Promise<unknown>;
  /** Of the whole process, so far. */
  usage(): { cpuMs: number; peakBytes: number };
  log(): string;
  /** As when the environment fails: nothing of it runs on. */
  kill(): Promise<void>;
}

/**
 * @param folder the unpacked package of the function.
 * @param env the function's own variables.
 */
export async function startEnvironment(
  folder: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Environment> {
  const api = await startRuntimeApi();
  const client = path.join(HOME, 'node_modules/aws-lambda-ric/index.mjs');
  const child: ChildProcess = spawn(process.execPath, [client], {
    cwd: folder,
    env: { ...env, ...OF_LAMBDA, AWS_LAMBDA_RUNTIME_API: api.address, LAMBDA_TASK_ROOT: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => {
      log += text;
    });
  const exited = once(child, 'exit');
  void exited.then(() => api.fail(new Error(`The environment ended.\n${log}`)));
  return {
    call: (event, timeLimitMs) => api.call(event, timeLimitMs),
    usage: () => usageOf(child.pid ?? 0),
    log: () => log,
    async kill() {
      child.kill('SIGKILL');
      await exited;
      await api.close();
    },
  };
}

const TICKS_A_SECOND = 100;

function usageOf(pid: number): { cpuMs: number; peakBytes: number } {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  const [user, system] = [Number(fields[11]), Number(fields[12])];
  const [, peakKb] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return { cpuMs: ((user + system) * 1000) / TICKS_A_SECOND, peakBytes: 1024 * Number(peakKb) };
}

/** Servers of others as processes: on a free loopback port, until they are closed or whoever started them ends. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { until } from '../contract/until.ts';

export interface RunningServer {
  url: string;
  close(): Promise<void>;
}

export interface Command {
  program: string;
  args: readonly string[];
  env?: NodeJS.ProcessEnv;
}

/** Kills the server when standard input closes, so none outlives a killed test. */
const KEEPER = '"$@" </dev/null & server=$!; cat; kill -9 $server';
/** They take 2 to 7 s; on a busy machine many times as long. */
const START_TIMEOUT_MS = 180_000;

/** @param command of a server on a port, with an empty folder for its data. */
export async function startServer(
  command: (port: number, folder: string) => Command,
): Promise<RunningServer> {
  const folder = await mkdtemp(path.join(tmpdir(), 'imgcls-server-'));
  const port = await freePort();
  const { program, args, env } = command(port, folder);
  const keeper = spawn('sh', ['-c', KEEPER, 'sh', program, ...args], {
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: folder, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const exited = once(keeper, 'exit');
  let log = '';
  const keep = (text: string): void => {
    log = (log + text).slice(-20_000);
  };
  keeper.stdout.setEncoding('utf8').on('data', keep);
  keeper.stderr.setEncoding('utf8').on('data', keep);
  const close = async (): Promise<void> => {
    keeper.stdin.end();
    await exited;
    await rm(folder, { recursive: true, force: true, maxRetries: 10 });
  };
  const url = `http://127.0.0.1:${port}`;
  try {
    await until(`${program} answers`, () => answers(url), { timeoutMs: START_TIMEOUT_MS });
  } catch (cause) {
    await close();
    throw new Error(`${program} did not start:\n${log}`, { cause });
  }
  return { url, close };
}

const answers = (url: string): Promise<boolean> =>
  fetch(url).then(
    (response) => response.body?.cancel().then(() => true) ?? true,
    () => false,
  );

async function freePort(): Promise<number> {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  listener.close();
  await once(listener, 'close');
  return port;
}

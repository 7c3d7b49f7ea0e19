/** The process that forks moto servers, for all test files of a run: it loads moto once. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pythonOf } from './python.ts';

export const REQUIREMENTS = path.join(import.meta.dirname, 'requirements.txt');
const PROGRAM = path.join(import.meta.dirname, 'moto-servers.py');

/** Names the socket that the test files of a run share. */
const SHARED_SOCKET = 'MOTO_SERVERS_SOCKET';

export interface MotoServers {
  /** Each connection to it is a server. */
  socket: string;
  close(): Promise<void>;
}

/** Global set-up of Vitest: Python starts when the first file needs it. */
export async function setup(): Promise<(() => Promise<void>) | undefined> {
  // Several projects have the same set-up.
  if (process.env[SHARED_SOCKET] !== undefined) return undefined;
  const folder = await mkdtemp(path.join(tmpdir(), 'imgcls-moto-'));
  let servers: Promise<MotoServers> | undefined;
  const relay = createServer({ allowHalfOpen: true }, async (client) => {
    servers ??= openServers();
    const server = connect({ path: (await servers).socket, allowHalfOpen: true });
    client.pipe(server).pipe(client);
    // One that is killed takes the other with it.
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const)
      one.on('error', () => {}).once('close', () => other.destroy());
  });
  process.env[SHARED_SOCKET] = path.join(folder, 'relay');
  relay.listen(process.env[SHARED_SOCKET]);
  await once(relay, 'listening');
  return async () => {
    relay.close();
    await (await servers)?.close();
    await rm(folder, { recursive: true, force: true });
  };
}

/** Those of the run, or of this process where there is no run. */
export async function motoServers(): Promise<MotoServers> {
  const shared = process.env[SHARED_SOCKET];
  return shared === undefined ? await openServers() : { socket: shared, close: async () => {} };
}

async function openServers(): Promise<MotoServers> {
  const folder = await mkdtemp(path.join(tmpdir(), 'imgcls-moto-'));
  const socket = path.join(folder, 'servers');
  const child = spawn(await pythonOf(REQUIREMENTS), [PROGRAM, socket], {
    stdio: ['pipe', 'pipe', 'inherit'],
    // Browsers get the CORS rules of the bucket, as from S3, instead of rules that allow everything.
    env: { PATH: process.env.PATH, PYTHONUNBUFFERED: '1', MOTO_DISABLE_GLOBAL_CORS: '1' },
  });
  const exited = once(child, 'exit');
  const [listens] = await Promise.race([once(child.stdout, 'data'), exited]);
  if (!Buffer.isBuffer(listens)) throw new Error(`${PROGRAM} ended with ${listens}.`);
  return {
    socket,
    async close() {
      child.stdin.end();
      await exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

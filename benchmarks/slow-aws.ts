// Starts the S3, SQS and EC2 of which each response takes a while, and counts what it is asked.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import type { Asked } from './children/slow-aws.ts';

/** The SDK clients of this process ask it from now on. @param args workers, images and milliseconds a response, in this order. */
export async function startSlowAws(...args: string[]): Promise<ChildProcess> {
  const server = fork(path.join(import.meta.dirname, 'children/slow-aws.ts'), args);
  const [port] = (await once(server, 'message')) as [number];
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'testing',
    AWS_SECRET_ACCESS_KEY: 'testing',
  });
  return server;
}

/** What it was asked since the last time. */
export async function askedOf(server: ChildProcess): Promise<Asked> {
  server.send('count');
  const [asked] = (await once(server, 'message')) as [Asked];
  return asked;
}

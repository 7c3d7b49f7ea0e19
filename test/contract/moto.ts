/**
 * A moto server (an AWS stand-in from PyPI) for tests: on a free loopback port, until the test ends.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import path from 'node:path';
import { motoServers, REQUIREMENTS } from './moto-servers.ts';
import { pythonOf } from './python.ts';
import { until } from './until.ts';

const NOWHERE = path.join(import.meta.dirname, 'nowhere');

export interface Moto {
  url: string;
  close(): Promise<void>;
}

/** The environment of an AWS client that reaches only a stand-in at `url`, regardless of the test's own environment. */
export const standInEnvironment = (url: string): Record<string, string | undefined> => ({
  AWS_ENDPOINT_URL: url,
  AWS_ENDPOINT_URL_S3: undefined,
  AWS_ENDPOINT_URL_SQS: undefined,
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'testing',
  AWS_SECRET_ACCESS_KEY: 'testing',
  AWS_SESSION_TOKEN: undefined,
  AWS_PROFILE: undefined,
  AWS_CONFIG_FILE: path.join(NOWHERE, 'config'),
  AWS_SHARED_CREDENTIALS_FILE: path.join(NOWHERE, 'credentials'),
  AWS_EC2_METADATA_DISABLED: 'true',
});

/**
 * Starts a server. Returns undefined, with a warning, if there is no Python: then skip the tests that need it.
 * @throws without Python if `CI` is set: there, a skipped suite counts as failed.
 */
export async function startMoto(): Promise<Moto | undefined> {
  return (await motoPython()) === undefined ? undefined : await serve();
}

/** The Python with moto and its dependencies; otherwise like {@link startMoto}. */
export async function motoPython(): Promise<string | undefined> {
  try {
    return await pythonOf(REQUIREMENTS);
  } catch (cause) {
    const message =
      'Tests over moto need python3 (3.10 or later) with venv and pip, and a package index. On Debian and Ubuntu: apt-get install python3-venv.';
    if (process.env.CI) throw new Error(message, { cause });
    console.warn(`SKIPPED. ${message}\n${cause instanceof Error ? cause.message : cause}`);
    return undefined;
  }
}

async function serve(): Promise<Moto> {
  const servers = await motoServers();
  const server = connect(servers.socket);
  const ended = once(server, 'close');
  // Awaited at the end only.
  ended.catch(() => {});
  let log = '';
  server.setEncoding('utf8').on('data', (text: string) => {
    // moto logs a line for each request. Keep only the end: it shows the start, or why it failed.
    log = (log + text).slice(-20_000);
  });
  const url = await until(
    'moto listens',
    async () => {
      if (server.closed) throw new Error(`moto failed to start:\n${log}`);
      return /Running on (http:\/\/127\.0\.0\.1:\d+)/.exec(log)?.[1];
    },
    { timeoutMs: 60_000 },
  );
  await until('moto answers', () =>
    fetch(`${url}/moto-api/`).then(
      (response) => response.body?.cancel().then(() => true as const),
      () => undefined,
    ),
  );
  return {
    url,
    async close() {
      server.end();
      await ended;
      await servers.close();
    },
  };
}

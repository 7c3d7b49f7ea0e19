/** The servers that the contract suites run against, and what each of them misses. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { installGoProgram } from '../contract/go.ts';
import { startMoto } from '../contract/moto.ts';
import { REQUIREMENTS } from '../contract/moto-servers.ts';
import { createPython } from '../contract/python.ts';
import { cacheFolder } from '../installed.ts';
import { type RunningServer, startServer } from './process.ts';

/** A suite of the contract of the store or of the queues (test/contract). */
export type Suite = 'store' | 'queues';

/** A test of a suite that fails over a server, for a known reason. */
export interface Miss {
  /** How the name of the test begins. */
  test: string;
  /** Part of the message. */
  error: string;
  /** For the table in docs/compatibility.md. */
  reason: string;
}

export interface Server {
  name: string;
  version: string;
  serves: readonly Suite[];
  misses: Partial<Record<Suite, readonly Miss[]>>;
  /** Installs the server into an empty folder. The tests of a server without it install it by themselves. */
  install?(home: string): Promise<void>;
  start(): Promise<RunningServer>;
}

const run = promisify(execFile);
const recipe = (file: string): string => path.join(import.meta.dirname, 'install', file);
const CACHE = cacheFolder('imgcls-servers');

/** Where a server is installed. */
export const homeOf = ({ name, version }: Pick<Server, 'name' | 'version'>): string =>
  path.join(CACHE, `${name}-${version}`);

export const isInstalled = (server: Server): boolean =>
  server.install === undefined || existsSync(homeOf(server));

/** The version in a file of pins: the first group of the pattern. */
function pinned(file: string, pattern: RegExp): string {
  const version = pattern.exec(readFileSync(file, 'utf8'))?.[1];
  if (version === undefined) throw new Error(`${file} has no version that matches ${pattern}.`);
  return version;
}

const moto: Server = {
  name: 'moto',
  version: pinned(REQUIREMENTS, /^moto==(.+)$/m),
  serves: ['store', 'queues'],
  misses: {},
  async start() {
    const started = await startMoto();
    if (started === undefined) throw new Error('moto is not installed.');
    return started;
  },
};

const ministack: Server = {
  name: 'ministack',
  version: pinned(recipe('ministack.txt'), /^ministack==(.+)$/m),
  serves: ['store', 'queues'],
  misses: {},
  install: (home) => createPython(home, recipe('ministack.txt')),
  start: () =>
    startServer((port, folder) => ({
      program: path.join(homeOf(ministack), 'bin/python'),
      args: ['-m', 'ministack'],
      env: { BIND_HOST: '127.0.0.1', GATEWAY_PORT: String(port), LOG_LEVEL: 'WARNING', TMPDIR: folder },
    })),
};

const localStack: Server = {
  name: 'LocalStack',
  version: pinned(recipe('localstack.txt'), /^localstack-core==(.+)$/m),
  serves: ['store', 'queues'],
  misses: {},
  install: (home) => createPython(home, recipe('localstack.txt')),
  start: () =>
    startServer((port, folder) => ({
      program: path.join(homeOf(localStack), 'bin/python'),
      args: ['-m', 'localstack.runtime.main'],
      env: {
        GATEWAY_LISTEN: `127.0.0.1:${port}`,
        SERVICES: 's3,sqs',
        STRICT_SERVICE_LOADING: '1',
        EAGER_SERVICE_LOADING: '1',
        FILESYSTEM_ROOT: folder,
        // In a container it would write to /var/lib.
        OVERRIDE_IN_DOCKER: '0',
        // Neither telemetry, nor a name server, nor a certificate from its makers.
        DISABLE_EVENTS: '1',
        DNS_ADDRESS: '0',
        SKIP_SSL_CERT_DOWNLOAD: '1',
      },
    })),
};

const versityGw: Server = {
  name: 'VersityGW',
  version: '1.8.0',
  serves: ['store'],
  // Keys are paths of files.
  misses: {
    store: [
      {
        test: 'accepts the key "long/',
        error: 'Existing Object is a directory',
        reason: 'refuses a part of a key, between two slashes, above 255 bytes',
      },
      {
        test: 'lists by prefix in the order of UTF-8 bytes',
        error: 'Directory object contains data payload',
        reason: 'refuses data under a key that ends in `/`',
      },
    ],
  },
  install: (home) =>
    installGoProgram(home, `github.com/versity/versitygw/cmd/versitygw@v${versityGw.version}`),
  start: () =>
    startServer((port, folder) => ({
      program: path.join(homeOf(versityGw), 'versitygw'),
      args: [
        '--port',
        `127.0.0.1:${port}`,
        '--access',
        'testing',
        '--secret',
        'testing',
        '--quiet',
        'posix',
        folder,
      ],
    })),
};

const elasticMq: Server = {
  name: 'ElasticMQ',
  version: pinned(
    recipe('elasticmq.xml'),
    /<artifactId>elasticmq-server_2\.13<\/artifactId>\s*<version>(.+)</,
  ),
  serves: ['queues'],
  misses: {},
  async install(home) {
    const goal = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies';
    await run('mvn', ['-B', '-q', '-f', recipe('elasticmq.xml'), goal, `-DoutputDirectory=${home}`]);
  },
  start: () =>
    startServer((port) => ({
      program: 'java',
      args: [
        '-Drest-sqs.bind-hostname=127.0.0.1',
        `-Drest-sqs.bind-port=${port}`,
        '-Drest-stats.enabled=false',
        // Its queues have URLs of a host that does not exist.
        '-Dnode-address.host=queues.invalid',
        '-cp',
        path.join(homeOf(elasticMq), '*'),
        'org.elasticmq.server.Main',
      ],
    })),
};

export const SERVERS: readonly Server[] = [moto, ministack, localStack, versityGw, elasticMq];

export function serverOf(name: string): Server {
  const found = SERVERS.find((server) => server.name === name);
  if (found === undefined) {
    const names = SERVERS.map((server) => server.name).join(', ');
    throw new Error(`No server is called ${name}. There are: ${names}.`);
  }
  return found;
}

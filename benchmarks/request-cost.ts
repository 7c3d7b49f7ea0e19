// What a job of photographs of 100 KB costs on AWS: its requests, counted by a proxy in front of a server of S3 and SQS, times
// their list prices; machines at a measured rate; and the storage of the photographs. For this clone and for an older commit.
//
//     npm run bench:cost -- [--images 10000] [--before COMMIT] [--rate 150] [--type c7i.large] [--store moto] [--queues moto]
//
// --store and --queues name other servers (npm run install:servers): VersityGW and ElasticMQ take a fifth of the time. The model runner only reads the photographs, so that the count takes minutes. --rate is the number of images per second of
// a machine of --type, as "npm run bench:pipeline" measures it.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { KEEP_INPUTS_DAYS } from '../src/core/job/retention.ts';
import { ATTACHED_USD, PRICES_AS_OF, priceOf, REQUEST_USD } from '../src/core/money/prices.ts';
import { serverOf } from '../test/servers/servers.ts';
import { type CountingProxy, startCountingProxy } from './counting-proxy.ts';
import { makeStandInCluster } from './stand-in-cluster.ts';

const { values: flags } = parseArgs({
  options: {
    images: { type: 'string', default: '10000' },
    before: { type: 'string' },
    /** The days for which the older commit keeps photographs. */
    'before-days': { type: 'string', default: '30' },
    rate: { type: 'string', default: '150' },
    type: { type: 'string', default: 'c7i.large' },
    store: { type: 'string', default: 'moto' },
    queues: { type: 'string', default: 'moto' },
  },
});
const images = Number(flags.images);
const MILLION = 1_000_000;
const IMAGE_BYTES = 100_000;

/** List prices of us-east-1 in US dollars. */
const USD = {
  /** https://aws.amazon.com/s3/pricing/: S3 Standard, a GB (2^30 bytes) for a month, of the first 50 TB. */
  storageGbMonth: 0.023,
  /** https://aws.amazon.com/lambda/pricing/: a GB-second on arm64. */
  lambdaGbSecond: 0.0000133334,
} as const;
/** Memory of the controller's function (deploy/cloudformation/imgcls.yaml). */
const CONTROLLER_GB = 0.5;
const MONTH_DAYS = 30.4;
const GB = 2 ** 30;

const repository = path.resolve(import.meta.dirname, '..');
const work = await mkdtemp(path.join(tmpdir(), 'imgcls-cost-'));
const children = new Set<ChildProcess>();
const worktrees: string[] = [];
try {
  await main();
} finally {
  for (const child of children) child.kill('SIGKILL');
  for (const folder of worktrees) git('worktree', 'remove', '--force', folder);
  await rm(work, { recursive: true, force: true, maxRetries: 10 });
}

async function main(): Promise<void> {
  const folder = path.join(work, 'photographs');
  await makePhotographs(folder);
  const columns: [string, Cost][] = [];
  if (flags.before !== undefined) {
    const checkout = await checkOut(flags.before);
    columns.push([`before (${flags.before})`, await costOf(checkout, folder, Number(flags['before-days']))]);
  }
  columns.push(['now', await costOf(repository, folder, KEEP_INPUTS_DAYS)]);
  print(columns);
}

/** Distinct photographs: those of samples/, each with random bytes behind its end, which decoders ignore. */
async function makePhotographs(folder: string): Promise<void> {
  const names = ['cat.jpg', 'coffee.jpg', 'mountains.jpg'];
  const originals = await Promise.all(names.map((name) => readFile(path.join(repository, 'samples', name))));
  await mkdir(folder);
  for (let at = 0; at < images; at++) {
    const original = originals[at % originals.length] ?? Buffer.alloc(0);
    const rest = randomBytes(IMAGE_BYTES - original.byteLength);
    await writeFile(path.join(folder, `${String(at).padStart(7, '0')}.jpg`), [original, rest]);
  }
}

async function checkOut(commit: string): Promise<string> {
  const folder = path.join(work, 'before');
  git('worktree', 'add', '--detach', folder, commit);
  worktrees.push(folder);
  await symlink(path.join(repository, 'node_modules'), path.join(folder, 'node_modules'));
  return folder;
}

function git(...args: string[]): void {
  execFileSync('git', args, { cwd: repository, stdio: 'ignore' });
}

/** US dollars by item, and how many requests of each kind there were. */
interface Cost {
  items: Map<string, { count?: number; usd: number }>;
}

async function costOf(checkout: string, photographs: string, keptDays: number): Promise<Cost> {
  const store = await serverOf(flags.store).start();
  const queues = flags.queues === flags.store ? store : await serverOf(flags.queues).start();
  const proxy = await startCountingProxy({ store: store.url, queues: queues.url });
  try {
    const cluster = await makeStandInCluster(proxy.url, 'cost');
    proxy.reset();
    await runJob(checkout, photographs, cluster);
    return { items: itemsOf(proxy, keptDays) };
  } finally {
    await proxy.close();
    await store.close();
    if (queues !== store) await queues.close();
  }
}

/** Runs a controller, a worker and an upload until every photograph has its outcome. */
async function runJob(checkout: string, photographs: string, cluster: NodeJS.ProcessEnv): Promise<void> {
  const dataDir = await mkdtemp(path.join(work, 'data-'));
  const env = {
    ...process.env,
    ...cluster,
    IMGCLS_DATA_DIR: dataDir,
    IMGCLS_MODEL: 'efficientnet-lite0',
    IMGCLS_LOG_LEVEL: 'warn',
    IMGCLS_RUNNER_ENTRY: path.join(import.meta.dirname, 'children', 'instant-runner.ts'),
  };
  const start = (...args: string[]): ChildProcess => {
    const bin = path.join(checkout, 'bin', 'imgcls.js');
    const child = spawn(process.execPath, [bin, ...args], { env, stdio: ['ignore', 'ignore', 'inherit'] });
    children.add(child);
    child.once('exit', () => children.delete(child));
    return child;
  };
  const others = [start('worker'), start('scale', '--fleet', 'none')];
  const output = path.join(dataDir, 'outcomes.ndjson');
  const [code] = await once(start('upload', photographs, '--output', output), 'exit');
  const outcomes = (await readFile(output, 'utf8')).trimEnd().split('\n');
  const labelled = outcomes.filter((line) => JSON.parse(line).error === undefined).length;
  if (code !== 0 || labelled !== images)
    throw new Error(
      `The upload exited with code ${code}; ${labelled} of ${images} photographs have a label.`,
    );
  for (const other of others) {
    other.kill();
    await once(other, 'exit');
  }
}

function itemsOf({ counts, putBytes }: CountingProxy, keptDays: number): Cost['items'] {
  const items: Cost['items'] = new Map();
  const of = (...kinds: string[]) => kinds.reduce((sum, kind) => sum + (counts.get(kind) ?? 0), 0);
  const add = (item: string, count: number, price: number) => items.set(item, { count, usd: count * price });
  add('S3 PUT', of('S3 PUT'), REQUEST_USD.s3Put);
  add('S3 LIST', of('S3 LIST'), REQUEST_USD.s3Put);
  add('S3 HEAD', of('S3 HEAD'), REQUEST_USD.s3Get);
  add('S3 GET', of('S3 GET'), REQUEST_USD.s3Get);
  add('S3 DELETE', of('S3 DELETE'), 0);
  const sqs = [...counts].filter(([kind]) => kind.startsWith('SQS ')).map(([, count]) => count);
  add(
    'SQS, by 64 KB',
    sqs.reduce((sum, count) => sum + count, 0),
    REQUEST_USD.sqs,
  );
  const gbMonths = (putBytes() / GB) * (keptDays / MONTH_DAYS);
  items.set('storage of photographs', { usd: gbMonths * USD.storageGbMonth });
  const hours = images / Number(flags.rate) / 3600;
  items.set(`${flags.type} on demand, ${flags.rate} images/s`, { usd: hours * hourlyUsd() });
  items.set('its public address', { usd: hours * ATTACHED_USD.addressHour });
  items.set('controller function', { usd: hours * 3600 * CONTROLLER_GB * USD.lambdaGbSecond });
  return items;
}

function hourlyUsd(): number {
  const usd = priceOf(flags.type, 'on-demand');
  if (usd === undefined) throw new Error(`The price of ${flags.type} is unknown.`);
  return usd;
}

/** Prints a table in Markdown: requests of the job that was run, and dollars of a million photographs. */
function print(columns: readonly [string, Cost][]): void {
  const scale = MILLION / images;
  const names = new Set(columns.flatMap(([, { items }]) => [...items.keys()]));
  const cells = (row: readonly string[]) => console.log(`| ${row.join(' | ')} |`);
  console.log(
    `List prices of us-east-1, ${PRICES_AS_OF}. Requests of ${images} photographs, US dollars of a million.\n`,
  );
  cells(['', ...columns.flatMap(([name]) => [`requests, ${name}`, '$'])]);
  cells(['---', ...columns.flatMap(() => ['---:', '---:'])]);
  for (const name of names) {
    const found = columns.map(([, { items }]) => items.get(name));
    cells([
      name,
      ...found.flatMap((item) => [
        item?.count?.toLocaleString('en') ?? '',
        item === undefined ? '' : (item.usd * scale).toFixed(3),
      ]),
    ]);
  }
  const totals = columns.map(([, { items }]) => [...items.values()].reduce((sum, { usd }) => sum + usd, 0));
  cells(['**together**', ...totals.flatMap((usd) => ['', `**${(usd * scale).toFixed(2)}**`])]);
}

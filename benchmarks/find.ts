// Measures "imgcls find" on a ledger of a million outcomes: making the index, its size, and searches.
//
//     npm run bench:find -- [--images 1000000] [--repeat 5] [--folder FOLDER]
//
// FOLDER keeps the ledger for further runs.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { parseArgs, promisify } from 'node:util';
import { ulid } from 'ulid';
import { Random } from '../src/bench/random.ts';
import { FILES_BUCKET } from '../src/core/cloud/files-in-place.ts';
import type { Cloud, Store } from '../src/core/cloud/ports.ts';
import type { IndexedLabel, SearchIndex } from '../src/core/cloud/search-index.ts';
import type { ManifestEntry } from '../src/core/job/job.ts';
import { createJob, finishJob, sealJob } from '../src/core/job/job-record.ts';
import { writePart } from '../src/core/job/manifest.ts';
import { writeShard } from '../src/core/job/shard.ts';
import type { ClassLabel } from '../src/core/model/model.ts';
import type { Outcome } from '../src/core/model/outcome.ts';
import { createLocalCloud } from '../src/local/cloud.ts';
import { findPhotographs } from '../src/photos/find/find-photographs.ts';
import { indexLedger } from '../src/photos/find/index-ledger.ts';
import { hasWords } from '../src/photos/find/words.ts';
import { installPackage } from '../test/e2e/package.ts';
import { median } from './median.ts';

const repository = path.resolve(import.meta.dirname, '..');
const { values: flags } = parseArgs({
  options: {
    images: { type: 'string', default: '1000000' },
    repeat: { type: 'string', default: '5' },
    folder: { type: 'string' },
  },
});
const images = Number(flags.images);
const repeat = Number(flags.repeat);

/** Most jobs are of one evening, a few of a whole archive. */
const JOB_IMAGES = [200_000, 20_000, 2_000, 2_000, 200, 200, 200, 200];
const BATCH = 64;
const PART = 1024;
/** Every tenth photograph was labelled before. */
const SEEN_BEFORE = 0.1;

const run = promisify(execFile);
const installed = await installPackage();
const dataDir = flags.folder ?? (await mkdtemp(path.join(tmpdir(), 'imgcls-bench-find-')));
try {
  await main();
} finally {
  await installed.remove();
  if (flags.folder === undefined) await rm(dataDir, { recursive: true, force: true });
}

async function main(): Promise<void> {
  const isMade = existsSync(path.join(dataDir, 'default'));
  const cloud = createLocalCloud({ dataDir, cluster: 'default' });
  const random = new Random(1);
  const subjects = await readSubjects(random);
  if (!isMade) await makeLedger(cloud.output, { subjects, random });
  await measureIndex(cloud);
  const words = [subjects[0], subjects[30], subjects[900]].map((one) => one?.label ?? '');
  for (const word of words) await measureSearch(cloud.search as SearchIndex, word);
  await cloud.close();
  for (const word of words) await measureCommand('find', word, '-0');
  await measureCommand('jobs', '--limit', '1');
}

/** The classes of the bundled model, the most frequent one first. */
async function readSubjects(random: Random): Promise<ClassLabel[]> {
  const file = path.join(repository, 'models', 'efficientnet-lite0', 'labels.json');
  const labels = JSON.parse(await readFile(file, 'utf8')) as ClassLabel[];
  const ranked = labels.map((label) => ({ label, rank: random.next() }));
  return ranked.sort((a, b) => a.rank - b.rank).map(({ label }) => label);
}

async function makeLedger(output: Store, kind: Pick<MadeJob, 'subjects' | 'random'>): Promise<void> {
  let [made, jobs, files] = [0, 0, 0];
  while (made < images) {
    const count = Math.min(JOB_IMAGES[jobs++ % JOB_IMAGES.length] ?? 1, images - made);
    const again = Math.min(files, Math.floor(count * SEEN_BEFORE));
    await makeJob(output, { count, firstFile: files - again, ...kind });
    files += count - again;
    made += count;
  }
  console.log(`${images} outcomes of ${files} files in ${jobs} jobs`);
}

interface MadeJob {
  count: number;
  firstFile: number;
  subjects: readonly ClassLabel[];
  random: Random;
}

async function makeJob(output: Store, { count, firstFile, subjects, random }: MadeJob): Promise<void> {
  const id = ulid();
  const model = {
    name: 'efficientnet-lite0',
    version: '1',
    variant: 'int8',
    sha256: 'ab'.repeat(32),
  } as const;
  const record = { inputs: ['photos'], folder: '/home/me', include: [], exclude: [], topK: 5, model };
  await createJob(output, { v: 1, id, state: 'open', createdAtMs: Date.now(), ...record });
  for (let first = 0; first < count; first += PART) {
    const entries = Array.from({ length: Math.min(PART, count - first) }, (_, at) =>
      entryOf(first + at, firstFile + first + at),
    );
    await writePart(output, id, { attempt: 1, part: first / PART }, entries);
    const shards = [];
    for (let from = 0; from < entries.length; from += BATCH) {
      const outcomes = entries.slice(from, from + BATCH).map((entry) => outcomeOf(entry, subjects, random));
      const range = { attempt: 1, first: first + from, last: first + from + outcomes.length - 1 };
      shards.push(writeShard(output, id, { range, outcomes }));
    }
    await Promise.all(shards);
  }
  await sealJob(output, id, count);
  await finishJob(output, { id, attempt: 1 }, Date.now());
}

function entryOf(index: number, file: number): ManifestEntry {
  const name = `${2010 + (file % 16)}/${Math.floor(file / 400)}-album/IMG_${String(file).padStart(7, '0')}.jpg`;
  const key = `/home/me/photos/${name}`;
  const sha256 = file.toString(16).padStart(64, '0');
  return {
    index,
    name,
    source: `photos/${name}`,
    bytes: 1e5 + (file % 1e6),
    bucket: FILES_BUCKET,
    key,
    sha256,
  };
}

function outcomeOf({ index, name }: ManifestEntry, subjects: readonly ClassLabel[], random: Random): Outcome {
  const scores: number[] = [];
  // As in albums, some subjects are frequent: the first has a seventh of the labels.
  for (let left = 1; scores.length < 5; left -= scores.at(-1) ?? 0)
    scores.push(left * (0.2 + 0.7 * random.next()));
  const labels = scores
    .sort((a, b) => b - a)
    .map((score) => ({ ...(subjects[Math.floor(1000 ** random.next() - 1)] as ClassLabel), score }));
  return { v: 1, index, name, labels, ms: 10, model: 'efficientnet-lite0/int8' };
}

async function measureIndex(cloud: Cloud): Promise<void> {
  const { output } = cloud;
  const search = cloud.search as SearchIndex;
  await search.clear();
  const before = process.cpuUsage();
  const startMs = performance.now();
  await indexLedger({ output, search });
  const { user, system } = process.cpuUsage(before);
  const seconds = (performance.now() - startMs) / 1000;
  console.log(
    `index made in ${seconds.toFixed(1)} s (${((user + system) / 1e6).toFixed(1)} s of processor time)`,
  );
  const db = new DatabaseSync(path.join(dataDir, 'default', 'cloud.db'), { readOnly: true });
  const columns = ['records', 'texts', 'digests']
    .map((column) => `sum(length(${column})) AS ${column}`)
    .join(', ');
  const sizes = db.prepare(`SELECT count(*) AS pieces, ${columns} FROM searched_pieces`).get();
  db.close();
  console.log(`bytes of it: ${JSON.stringify(sizes)}`);
  const current = await medianMs(() => indexLedger({ output, search }));
  console.log(`found to be up to date in ${current}`);
}

async function measureSearch(search: SearchIndex, words: string): Promise<void> {
  const matches = hasWords([words]);
  const query = {
    isWanted: ({ label }: IndexedLabel) => matches(label),
    minScore: 0,
    isSearched: () => true,
  };
  let found = 0;
  const all = async () => {
    found = (await Array.fromAsync(findPhotographs(search, query, { atOnce: Number.POSITIVE_INFINITY })))
      .length;
  };
  const some = async () => {
    for await (const _first of findPhotographs(search, query, { atOnce: 101 })) break;
  };
  const [first, whole] = [await medianMs(some), await medianMs(all)];
  console.log(`"${words}": the best 100 in ${first}, all ${found} in ${whole}`);
}

async function measureCommand(...args: string[]): Promise<void> {
  const command = [installed.bin, '--data-dir', dataDir, ...args];
  const whole = await medianMs(() => run(process.execPath, command, { maxBuffer: 1e9 }));
  console.log(`imgcls ${args.join(' ')}, with its start, in ${whole}`);
}

/** Of this process, the processor time too: on a shared machine it tells more. */
async function medianMs(act: () => Promise<unknown>): Promise<string> {
  const times: number[] = [];
  const processorMs: number[] = [];
  for (let n = 0; n < repeat; n++) {
    const startMs = performance.now();
    const before = process.cpuUsage();
    await act();
    const { user, system } = process.cpuUsage(before);
    times.push(performance.now() - startMs);
    processorMs.push((user + system) / 1000);
  }
  return `${median(times).toFixed(0)} ms (${median(processorMs).toFixed(0)} ms of processor time)`;
}

// Measures the HTTP service under load. Each part can run alone: `npm run bench:serve -- uploads big streams requests interactive`.
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { big } from './serve/big.ts';
import { interactive } from './serve/interactive.ts';
import { requests } from './serve/requests.ts';
import { streams } from './serve/streams.ts';
import { uploads } from './serve/uploads.ts';

const parts = { uploads, big, streams, requests, interactive };
const wanted = process.argv.slice(2);
for (const [name, part] of Object.entries(parts)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  await part(await mkdtemp(path.join(tmpdir(), 'imgcls-bench-')));
}

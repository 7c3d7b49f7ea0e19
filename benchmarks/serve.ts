// The service under load. Each part is a run of its own: `npm run bench:serve -- uploads big streams requests interactive`.
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { big } from './serve/big.ts';
import { interactive } from './serve/interactive.ts';
import { requests } from './serve/requests.ts';
import { streams } from './serve/streams.ts';
import { uploads } from './serve/uploads.ts';

const parts = { uploads, big, streams, requests, interactive };
const named = process.argv.slice(2);
for (const [name, part] of Object.entries(parts)) {
  if (named.length > 0 && !named.includes(name)) continue;
  await part(await mkdtemp(path.join(tmpdir(), 'imgcls-bench-')));
}

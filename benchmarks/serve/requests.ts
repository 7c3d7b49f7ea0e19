import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import autocannon from 'autocannon';
import { getJson, startService } from './service.ts';

const CONNECTIONS = 10;
const SECONDS = 15;

/** Measures requests per second and their latency, with the bundled model. */
export async function requests(dataDir: string): Promise<void> {
  const cat = await readFile(path.join(import.meta.dirname, '../../samples/cat.jpg'));
  const service = await startService(dataDir, ['up', '--min', '1', '--max', '1']);
  try {
    const form = new FormData();
    for (let at = 0; at < 1000; at++) form.append('files', new Blob([cat, String(at)]), `${at}.jpg`);
    const { id } = await (await fetch(`${service.url}/v1/jobs`, { method: 'POST', body: form })).json();
    while ((await getJson(`${service.url}/v1/jobs/${id}`)).state !== 'finished') await wait(200);
    const image = { method: 'POST', headers: { 'content-type': 'image/jpeg' }, body: cat } as const;
    await fetch(`${service.url}/v1/classify`, image);
    const cases = {
      'GET /v1/jobs/{id}': { url: `${service.url}/v1/jobs/${id}` },
      'POST /v1/classify': { url: `${service.url}/v1/classify`, ...image },
      'POST /v1/classify, one at a time': { url: `${service.url}/v1/classify`, ...image, connections: 1 },
    };
    for (const [name, options] of Object.entries(cases)) {
      const {
        requests: rate,
        latency,
        non2xx,
      } = await autocannon({
        connections: CONNECTIONS,
        duration: SECONDS,
        ...options,
      });
      console.log(
        `requests: ${name}: ${rate.average.toFixed(0)}/s, p50 ${latency.p50} ms, p99 ${latency.p99} ms, failed ${non2xx}`,
      );
      if (non2xx > 0) process.exitCode = 1;
    }
  } finally {
    await service.stop();
  }
}

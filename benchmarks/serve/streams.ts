import { readFile } from 'node:fs/promises';
import { Agent, get } from 'node:http';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { getJson, INSTANT_RUNNER, ms, startService } from './service.ts';

const STREAMS = 1000;
const IDLE_MS = 20_000;

/** Measures memory and processor time of many idle event streams, and how fast all of them learn of the end. */
export async function streams(dataDir: string): Promise<void> {
  const cat = await readFile(path.join(import.meta.dirname, '../../samples/cat.jpg'));
  const service = await startService(dataDir, ['serve'], { IMGCLS_RUNNER_ENTRY: INSTANT_RUNNER });
  const agent = new Agent({ maxSockets: Number.POSITIVE_INFINITY });
  try {
    const form = new FormData();
    form.append('files', new Blob([cat]), 'cat.jpg');
    const { id } = await (await fetch(`${service.url}/v1/jobs`, { method: 'POST', body: form })).json();
    while ((await getJson(`${service.url}/v1/jobs/${id}`)).state !== 'finished') await wait(100);
    const before = await service.memory();
    let snapshots = 0;
    let ended = 0;
    for (let at = 0; at < STREAMS; at++) {
      get(`${service.url}/v1/jobs/${id}/events`, { agent }, (response) => {
        response.setEncoding('utf8');
        response.on('data', (text: string) => {
          if (text.includes('event: snapshot')) snapshots++;
          if (text.includes('event: gone')) ended++;
        });
      });
    }
    while (snapshots < STREAMS) await wait(50);
    const cpuBeforeMs = await service.cpuMs();
    await wait(IDLE_MS);
    const cpuMs = (await service.cpuMs()) - cpuBeforeMs;
    const after = await service.memory();
    const at = performance.now();
    await fetch(`${service.url}/v1/jobs/${id}`, { method: 'DELETE' });
    while (ended < STREAMS) await wait(5);
    const notifiedMs = performance.now() - at;
    console.log(`streams: ${STREAMS} event streams of one job`);
    console.log(
      `  memory of serve ${before.nowMiB.toFixed(0)} -> ${after.nowMiB.toFixed(0)} MiB: ${((1024 * (after.nowMiB - before.nowMiB)) / STREAMS).toFixed(0)} KiB each`,
    );
    console.log(
      `  idle: ${((100 * cpuMs) / IDLE_MS).toFixed(1)} % of a core; all streams got the end after ${ms(notifiedMs)}`,
    );
  } finally {
    agent.destroy();
    await service.stop();
  }
}

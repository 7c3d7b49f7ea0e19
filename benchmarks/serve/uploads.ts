import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { getJson, INSTANT_RUNNER, ms, quantile, startService } from './service.ts';

const UPLOADS = 200;
const IMAGES = 30;
const CLIENTS = 20;
/** Memory may vary by this factor after the first half, but not grow. */
const MAX_GROWTH = 1.15;

/** Measures many uploads by many clients, each until its results, and checks that no image is lost and memory stays flat. */
export async function uploads(dataDir: string): Promise<void> {
  const cat = await readFile(path.join(import.meta.dirname, '../../samples/cat.jpg'));
  const service = await startService(dataDir, ['serve'], { IMGCLS_RUNNER_ENTRY: INSTANT_RUNNER });
  try {
    const submitMs: number[] = [];
    const wholeMs: number[] = [];
    const memoryMiB: number[] = [];
    const filesBefore = await service.openFiles();
    let next = 0;
    let wrongJobs = 0;
    const began = performance.now();
    const client = async () => {
      while (next < UPLOADS) {
        const upload = next++;
        const at = performance.now();
        const names = Array.from({ length: IMAGES }, (_, image) => `${upload}-${image}.jpg`);
        const form = new FormData();
        for (const name of names) form.append('files', new Blob([cat, name]), name);
        const { id } = await (await fetch(`${service.url}/v1/jobs`, { method: 'POST', body: form })).json();
        submitMs.push(performance.now() - at);
        while ((await getJson(`${service.url}/v1/jobs/${id}`)).state !== 'finished') await wait(100);
        wholeMs.push(performance.now() - at);
        const { outcomes } = await getJson(`${service.url}/v1/jobs/${id}/results`);
        const found = outcomes.map(({ name, label }: { name: string; label?: string }) => label && name);
        if (JSON.stringify(found) !== JSON.stringify(names)) wrongJobs++;
        if (wholeMs.length % (UPLOADS / 8) === 0) memoryMiB.push((await service.memory()).nowMiB);
      }
    };
    await Promise.all(Array.from({ length: CLIENTS }, client));
    const tookMs = performance.now() - began;
    const growth = Math.max(...memoryMiB.slice(6)) / Math.max(...memoryMiB.slice(2, 4));
    console.log(
      `uploads: ${UPLOADS} of ${IMAGES} images by ${CLIENTS} clients in ${(tookMs / 1000).toFixed(1)} s`,
    );
    console.log(
      `  ${((1000 * UPLOADS * IMAGES) / tookMs).toFixed(0)} images/s; jobs with lost or duplicate images: ${wrongJobs}`,
    );
    console.log(`  submit p50 ${ms(quantile(submitMs, 0.5))}, p99 ${ms(quantile(submitMs, 0.99))}`);
    console.log(`  to the end p50 ${ms(quantile(wholeMs, 0.5))}, p99 ${ms(quantile(wholeMs, 0.99))}`);
    console.log(`  memory of serve, MiB: ${memoryMiB.map((value) => value.toFixed(0)).join(' ')}`);
    console.log(`  growth ${growth.toFixed(2)}; open files ${filesBefore} -> ${await service.openFiles()}`);
    if (wrongJobs > 0 || growth > MAX_GROWTH) process.exitCode = 1;
  } finally {
    await service.stop();
  }
}

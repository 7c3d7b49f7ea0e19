import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { getJson, ms, quantile, startService } from './service.ts';

const LARGE = 20_000;
const CALLS = 200;
const MAX_RATIO = 3;

/** Measures the latency of single images over HTTP: idle, and while a job of 20,000 images runs on the same machine. */
export async function interactive(dataDir: string): Promise<void> {
  const cat = await readFile(path.join(import.meta.dirname, '../../samples/cat.jpg'));
  const service = await startService(dataDir, ['up', '--min', '1', '--max', '1'], {
    IMGCLS_MAX_FILES: '20000',
  });
  const classify = async () => {
    const began = performance.now();
    const answer = await fetch(`${service.url}/v1/classify`, {
      method: 'POST',
      headers: { 'content-type': 'image/jpeg' },
      body: cat,
    });
    if (!answer.ok) throw new Error(await answer.text());
    await answer.json();
    return performance.now() - began;
  };
  const measure = async (name: string) => {
    const times: number[] = [];
    for (let call = 0; call < CALLS; call++) times.push(await classify());
    const [p50, p95, p99] = [0.5, 0.95, 0.99].map((share) => quantile(times, share)) as [
      number,
      number,
      number,
    ];
    console.log(`  ${name}: p50 ${ms(p50)}, p95 ${ms(p95)}, p99 ${ms(p99)}`);
    return p95;
  };
  try {
    for (let call = 0; call < 20; call++) await classify();
    console.log(`interactive: POST /v1/classify, ${CALLS} calls one after the other`);
    const idle = await measure('idle');
    const form = new FormData();
    for (let at = 0; at < LARGE; at++) form.append('files', new Blob([cat, String(at)]), `${at}.jpg`);
    const { id } = await (await fetch(`${service.url}/v1/jobs`, { method: 'POST', body: form })).json();
    while ((await getJson(`${service.url}/v1/jobs/${id}`)).done === 0) await wait(100);
    const loaded = await measure(`while a job of ${LARGE} images runs`);
    const { done, state, imagesPerSecond } = await getJson(`${service.url}/v1/jobs/${id}`);
    const ratio = loaded / idle;
    console.log(
      `  ratio of p95 ${ratio.toFixed(2)}; the job was ${state} at ${done} images, ${imagesPerSecond?.toFixed(0)} images/s`,
    );
    if (ratio > MAX_RATIO || state === 'finished') process.exitCode = 1;
    await fetch(`${service.url}/v1/jobs/${id}/cancel`, { method: 'POST' });
  } finally {
    await service.stop();
  }
}

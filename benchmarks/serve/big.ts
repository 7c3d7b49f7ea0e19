import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { INSTANT_RUNNER, startService } from './service.ts';

const FILES = 64;
const FILE_BYTES = 32 * 1024 * 1024;
const BOUNDARY = 'bench';
const MAX_MIB = 300;

/** Measures the throughput and peak memory of one request of two gigabytes. */
export async function big(dataDir: string): Promise<void> {
  const cat = await readFile(path.join(import.meta.dirname, '../../samples/cat.jpg'));
  const noise = randomBytes(1024 * 1024);
  const headOf = (at: number) =>
    `--${BOUNDARY}\r\nContent-Disposition: form-data; name="files"; filename="${at}.jpg"\r\n\r\n`;
  function* body() {
    for (let at = 0; at < FILES; at++) {
      yield Buffer.from(headOf(at));
      yield cat;
      // Different files: the same content would be stored only once.
      yield Buffer.from(String(at).padStart(8, '0'));
      let left = FILE_BYTES - cat.length - 8;
      for (; left > noise.length; left -= noise.length) yield noise;
      yield noise.subarray(0, left);
      yield Buffer.from('\r\n');
    }
    yield Buffer.from(`--${BOUNDARY}--\r\n`);
  }
  const heads = Array.from({ length: FILES }, (_, at) => headOf(at).length).reduce(
    (sum, length) => sum + length,
    0,
  );
  const length = heads + FILES * (FILE_BYTES + 2) + BOUNDARY.length + 6;
  const service = await startService(dataDir, ['serve'], { IMGCLS_RUNNER_ENTRY: INSTANT_RUNNER });
  try {
    const began = performance.now();
    const request = http.request(`${service.url}/v1/jobs`, {
      method: 'POST',
      headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}`, 'content-length': length },
    });
    const answered = new Promise<http.IncomingMessage>((resolve, reject) => {
      request.on('response', resolve);
      request.on('error', reject);
    });
    await pipeline(Readable.from(body()), request);
    const response = await answered;
    response.resume();
    const seconds = (performance.now() - began) / 1000;
    const { peakMiB } = await service.memory();
    console.log(
      `big: ${(length / 1e9).toFixed(2)} GB in one request, status ${response.statusCode}, in ${seconds.toFixed(1)} s`,
    );
    console.log(
      `  ${(length / 1e6 / seconds).toFixed(0)} MB/s; peak memory of serve ${peakMiB.toFixed(0)} MiB`,
    );
    if (response.statusCode !== 201 || peakMiB > MAX_MIB) process.exitCode = 1;
  } finally {
    await service.stop();
  }
}

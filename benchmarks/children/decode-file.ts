// Decodes a file several times, one after the other, and prints the medians and the peak memory of this process.
import { readFile } from 'node:fs/promises';
import { decodeImage } from '../../src/model/decode/decode.ts';
import { median } from '../median.ts';

const COUNT = 7;
const recipe = { resizeShortestSide: 256, cropSize: 224, kernel: 'linear' } as const;
const limits = { maxPixels: 150_000_000, decodeTimeoutMs: 60_000 };
const bytes = await readFile(process.argv[2] ?? '');
const cpu: number[] = [];
const wall: number[] = [];
for (let round = 0; round < COUNT; round++) {
  const startMs = performance.now();
  const before = process.cpuUsage();
  await decodeImage(bytes, recipe, limits);
  const { user, system } = process.cpuUsage(before);
  cpu.push((user + system) / 1000);
  wall.push(performance.now() - startMs);
}
const peakBytes = 1024 * process.resourceUsage().maxRSS;
console.log(JSON.stringify({ cpuMs: median(cpu), wallMs: median(wall), peakBytes }));

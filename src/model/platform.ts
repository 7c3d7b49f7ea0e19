// What a model that was optimised on this machine can be used on.

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { arch, cpus, platform } from 'node:os';

/** What the runtime looks at when it chooses how to lay out weights: the CPU's make, model and instructions. */
const CPU_LINES =
  /^(?:vendor_id|cpu family|model|model name|flags|CPU implementer|CPU part|Features)\s*:.*$/gm;

/** Runtime, its version and the type of the CPU, as a text that is the same wherever an optimised model may be shared. */
export async function describePlatform(): Promise<string> {
  const { version } = createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string };
  const info = platform() === 'linux' ? await readFile('/proc/cpuinfo', 'utf8').catch(() => '') : '';
  const cpu = new Set(info.match(CPU_LINES));
  return JSON.stringify([version, platform(), arch(), cpu.size > 0 ? [...cpu] : cpus()[0]?.model]);
}

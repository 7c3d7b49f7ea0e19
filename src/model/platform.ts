// Identifies the machines on which a model can be used that was optimised on this one.

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { arch, cpus, platform } from 'node:os';

/** The runtime lays out weights by these properties: the CPU's make, model and instructions. */
const CPU_LINES =
  /^(?:vendor_id|cpu family|model|model name|flags|CPU implementer|CPU part|Features)\s*:.*$/gm;

/** The runtime, its version and the CPU's type. Machines with the same text can share optimised models. */
export async function describePlatform(): Promise<string> {
  const { version } = createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string };
  const info = platform() === 'linux' ? await readFile('/proc/cpuinfo', 'utf8').catch(() => '') : '';
  const cpu = new Set(info.match(CPU_LINES));
  return JSON.stringify([version, platform(), arch(), cpu.size > 0 ? [...cpu] : cpus()[0]?.model]);
}

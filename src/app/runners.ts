import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { DEFAULT_RUNNER_LIMITS } from '../worker/runners/runner.ts';
import type { RunSettings } from './settings.ts';

/** How to start a model runner: its entry module, arguments, the program that runs it, and time limits. */
export function runnerOptions(settings: RunSettings) {
  const { maxPixels, decodeTimeoutMs } = settings;
  return {
    entry: runnerEntry(settings),
    args: [JSON.stringify({ maxPixels, decodeTimeoutMs })],
    under: runnersUnder(settings),
    // A decode that reaches its own time limit, and is tried again alone, must not look like a runner that hangs.
    limits: {
      ...DEFAULT_RUNNER_LIMITS,
      imageMs: Math.max(DEFAULT_RUNNER_LIMITS.imageMs, 5 * decodeTimeoutMs),
    },
  };
}

/** The command that runs each process that decodes images. */
export const runnersUnder = ({ runnersUnder: command }: RunSettings): string[] => command?.split(' ') ?? [];

/** The built-in entry (src/ in a clone, dist/ in the package), unless the settings name another. */
function runnerEntry({ runnerEntry: named }: RunSettings): URL {
  if (named !== undefined) return pathToFileURL(named);
  return new URL(`../model/runner-main${path.extname(import.meta.url)}`, import.meta.url);
}

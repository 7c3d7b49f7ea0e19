/**
 * Preloaded into every process of a fault run (`node --import`): the built program runs as it is, but what opens its cloud
 * gives it one whose ports fail, and its wall clock is wrong.
 */
import { registerHooks } from 'node:module';
import { PLAN_VARIABLE } from './plan.ts';

const faults = new URL('./faulty-process.ts', import.meta.url).href;

/** A module of the program, and the text that stands in for it; `original` is its own address. */
const replacements: readonly [path: RegExp, replace: (original: string) => string][] = [
  [
    /\/(src|dist)\/local\/cloud\.[jt]s$/,
    (original) => `
      import { createLocalCloud as create } from '${original}';
      import { troubled } from '${faults}';
      export const createLocalCloud = (options) => troubled(create(options));`,
  ],
  [
    /\/(src|dist)\/aws\/cloud\.[jt]s$/,
    (original) => `
      import { createAwsCloud as create } from '${original}';
      import { troubled } from '${faults}';
      export { openBucket } from '${original}';
      export const createAwsCloud = (options) => troubled(create(options));`,
  ],
  [
    /\/(src|dist)\/cli\/clock\.[jt]s$/,
    (original) => `
      import { systemClock as right } from '${original}';
      import { skewMs } from '${faults}';
      export const systemClock = { ...right, nowMs: () => right.nowMs() + skewMs };`,
  ],
];

if (process.env[PLAN_VARIABLE] !== undefined) {
  registerHooks({
    load(url, context, nextLoad) {
      const replacement = replacements.find(([path]) => path.test(url));
      if (replacement === undefined) return nextLoad(url, context);
      const source = replacement[1](`${url}?original`);
      return { format: 'module', shortCircuit: true, source };
    },
  });
}

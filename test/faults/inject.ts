/**
 * Preloaded into every process of a fault run (`node --import`): the program runs as it is in a clone, but what opens its cloud
 * gives it one whose ports fail, and its wall clock is wrong.
 */
import { registerHooks } from 'node:module';
import { PLAN_VARIABLE } from './plan.ts';

const faults = new URL('./faulty-process.ts', import.meta.url).href;

/** The cloud is opened as before, then troubled; its faults are errors of the program's own class. */
const troubledCloud =
  (create: string, alsoExported = '') =>
  (original: string): string =>
    `
    import { ${create} as create } from '${original}?original';
    import { ImgclsError } from '${new URL('../core/errors.ts', original)}';
    import { troubled } from '${faults}';
    ${alsoExported && `export { ${alsoExported} } from '${original}?original';`}
    const transient = (message) => new ImgclsError('transient', message);
    export const ${create} = (options) => troubled(create(options), transient);`;

const skewedClock = (original: string): string => `
    import { systemClock as right } from '${original}?original';
    import { skewMs } from '${faults}';
    export const systemClock = { ...right, nowMs: () => right.nowMs() + skewMs };`;

/** Modules of the program, and the text that stands in for each. */
const replacements: readonly [RegExp, (original: string) => string][] = [
  [/\/src\/local\/cloud\.ts$/, troubledCloud('createLocalCloud')],
  [/\/src\/aws\/cloud\.ts$/, troubledCloud('createAwsCloud', 'openBucket')],
  [/\/src\/cli\/clock\.ts$/, skewedClock],
];

if (process.env[PLAN_VARIABLE] !== undefined) {
  registerHooks({
    load(url, context, nextLoad) {
      for (const [pattern, replace] of replacements) {
        if (pattern.test(url)) return { format: 'module', shortCircuit: true, source: replace(url) };
      }
      return nextLoad(url, context);
    },
  });
}

/**
 * Preloaded into every process of a fault run (`node --import`): the program runs as it is in a clone, but what opens its cloud
 * gives it one whose ports fail, and its wall clock is wrong.
 */
import { existsSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { PLAN_VARIABLE } from './plan.ts';

/** The address of a file of the clone. A file that has moved must not go unnoticed: its faults would silently be none. */
function addressOf(relative: string): string {
  const url = new URL(relative, import.meta.url);
  if (!existsSync(url)) throw new Error(`There is no ${url.pathname} to put faults into.`);
  return url.href;
}

const faults = addressOf('./faulty-process.ts');
const errors = addressOf('../../src/core/runtime/errors.ts');

/** The cloud is opened as before, then troubled; its faults are errors of the program's own class. */
const troubledCloud =
  (create: string, alsoExported = '') =>
  (original: string): string =>
    `
    import { ${create} as create } from '${original}?original';
    import { ImgclsError } from '${errors}';
    import { troubled } from '${faults}';
    ${alsoExported && `export { ${alsoExported} } from '${original}?original';`}
    const transient = (message) => new ImgclsError('transient', message);
    export const ${create} = (options) => troubled(create(options), transient);`;

const skewedClock = (original: string): string => `
    import { systemClock as right } from '${original}?original';
    import { skewMs } from '${faults}';
    export const systemClock = { ...right, nowMs: () => right.nowMs() + skewMs };`;

/** Modules of the program, and the text that stands in for each. */
const replacements = new Map<string, (original: string) => string>([
  [addressOf('../../src/local/cloud.ts'), troubledCloud('createLocalCloud')],
  [addressOf('../../src/aws/cloud.ts'), troubledCloud('createAwsCloud', 'openBucket')],
  [addressOf('../../src/app/system-clock.ts'), skewedClock],
]);

if (process.env[PLAN_VARIABLE] !== undefined) {
  registerHooks({
    load(url, context, nextLoad) {
      const replace = replacements.get(url);
      if (replace === undefined) return nextLoad(url, context);
      return { format: 'module', shortCircuit: true, source: replace(url) };
    },
  });
}

/**
 * Preloaded into processes of a test (`node --import`): their wall clock is off by as many milliseconds as the file
 * IMGCLS_TEST_CLOCK_FILE says at the moment, as if somebody had set the machine's clock.
 */
import { readFileSync } from 'node:fs';

const file = process.env.IMGCLS_TEST_CLOCK_FILE;
const LOOK_EVERY_MS = 20;
const rightNow = Date.now;
let offsetMs = 0;
let lookedMs = Number.NEGATIVE_INFINITY;

function offset(path: string): number {
  if (performance.now() - lookedMs < LOOK_EVERY_MS) return offsetMs;
  lookedMs = performance.now();
  offsetMs = Number(readFileSync(path, 'utf8'));
  return offsetMs;
}

if (file !== undefined) {
  Date.now = () => rightNow() + offset(file);
  // What asks for a date without naming one means now.
  globalThis.Date = new Proxy(Date, {
    construct: (target, given, made) =>
      Reflect.construct(target, given.length > 0 ? given : [Date.now()], made),
  });
}

/**
 * The live test's steps, by the commands that a user runs. It builds an image and deploys a cluster. Then: without work the
 * fleet stays empty; with work it grows, and every image gets a label; after the work it shrinks to zero. In any case it
 * deletes everything in the end and reports what remains.
 */
import type { Clock } from '../../src/core/runtime/clock.ts';
import { messageOf } from '../../src/core/runtime/errors.ts';
import { type Fleet, parseFleet } from './fleet.ts';
import { MACHINES } from './permission.ts';

export interface Run {
  code: number | null;
  stdout: string;
}

export interface Photographs {
  folder: string;
  /** The classes (wnid) that each may be given, by name. */
  expected: ReadonlyMap<string, readonly string[]>;
}

export interface LiveTestOptions {
  cluster: string;
  /** The config file that `deploy` writes and the other commands read. */
  settingsFile: string;
  photographs: Photographs;
  /** An existing machine image. Without one the test builds and deletes one. */
  image: string | undefined;
  /** Further flags of `deploy`. */
  deployFlags: readonly string[];
  /** Runs `imgcls`; ends it when the signal aborts. */
  imgcls(args: readonly string[], signal: AbortSignal): Promise<Run>;
  removeImage(image: string): Promise<void>;
  /** Lists what remains of the cluster. */
  leftovers(): Promise<string[]>;
  clock: Clock;
  say(text: string): void;
  /** Aborts on a timeout or an interrupt. Then the test cleans up. */
  signal: AbortSignal;
}

const POLL_MS = 5000;
/** How long the fleet must stay empty without work. */
const IDLE_MS = 60_000;
const CONTROLLER_MS = 10 * 60_000;
const SHRINK_MS = 15 * 60_000;
/** Short enough that a second machine pays off for a few hundred images. */
const TARGET_SECONDS = 20;
const CLEAN_UP_TRIES = 2;

/** @returns whether every step succeeded and nothing remains. */
export async function runLiveTest(options: LiveTestOptions): Promise<boolean> {
  const { say } = options;
  let succeeded = false;
  let built: string | undefined;
  try {
    const image = options.image ?? (await buildImage(options));
    if (options.image === undefined) built = image;
    await deploy(image, options);
    await idleStep(options);
    await workStep(options);
    await shrinkStep(options);
    succeeded = true;
  } catch (error) {
    say(`Failed: ${messageOf(options.signal.aborted ? options.signal.reason : error)}`);
  }
  const isClean = await cleanUp(options, built);
  say(succeeded && isClean ? 'The live test passed. Nothing remains.' : 'The live test FAILED.');
  return succeeded && isClean;
}

async function buildImage(options: LiveTestOptions): Promise<string> {
  options.say('Building the worker image.');
  const { stdout } = await succeed(['ami', 'build', '--yes'], options);
  const image = stdout.match(/\bami-[0-9a-f]+\b/g)?.at(-1);
  if (image === undefined) throw new Error('"imgcls ami build" printed no image.');
  return image;
}

async function deploy(image: string, options: LiveTestOptions): Promise<void> {
  const { cluster, settingsFile, deployFlags, say } = options;
  say(`Deploying cluster ${cluster}.`);
  const machines = ['--image', image, '--instance-type', MACHINES.worker, '--max', `${MACHINES.most}`];
  const parameters = ['--parameter', `TargetSeconds=${TARGET_SECONDS}`];
  const where = ['--cluster', cluster, '--settings', settingsFile, '--yes'];
  await succeed(['deploy', ...where, ...machines, '--controller', ...parameters, ...deployFlags], options);
  await succeed(['doctor'], options);
}

/** Without work a controller is running and launches nothing. */
async function idleStep(options: LiveTestOptions): Promise<void> {
  const { clock, say, signal } = options;
  say('Step 1: without work the fleet stays empty.');
  await untilFleet('the controller is running', ({ isControlled }) => isControlled, CONTROLLER_MS, options);
  const endMs = clock.monotonicMs() + IDLE_MS;
  while (clock.monotonicMs() < endMs) {
    const { machines } = await readFleet(options);
    if (machines > 0) throw new Error(`The fleet has ${machines} machines without work.`);
    await clock.sleep(POLL_MS, signal);
    signal.throwIfAborted();
  }
}

/** With work the fleet grows within its limit, and every image gets a correct label. */
async function workStep(options: LiveTestOptions): Promise<void> {
  const { photographs, clock, say, signal } = options;
  say(`Step 2: the fleet grows for ${photographs.expected.size} images.`);
  const done = new AbortController();
  const watching = mostMachines(options, AbortSignal.any([signal, done.signal]));
  const upload = succeed(['upload', photographs.folder, '--format', 'ndjson'], options).finally(() =>
    done.abort(),
  );
  const [{ stdout }, most] = await Promise.all([upload, watching]);
  checkLabels(stdout, photographs);
  if (most === 0) throw new Error('The images have labels, but "imgcls status" showed no machine.');
  if (most > MACHINES.most) throw new Error(`The fleet had ${most} machines; the limit is ${MACHINES.most}.`);
  say(`All images have labels. The fleet grew to ${most} at ${new Date(clock.nowMs()).toISOString()}.`);
}

/** After the work the fleet shrinks to zero. */
async function shrinkStep(options: LiveTestOptions): Promise<void> {
  options.say('Step 3: after the work the fleet shrinks to zero.');
  await untilFleet('the fleet is empty', ({ machines }) => machines === 0, SHRINK_MS, options);
}

/** Deletes everything. Does not use the test's own signal, which may be aborted. */
async function cleanUp(options: LiveTestOptions, built: string | undefined): Promise<boolean> {
  const { cluster, settingsFile, imgcls, removeImage, leftovers, say } = options;
  say('Cleaning up.');
  const problems: string[] = [];
  const attempt = async (what: string, act: () => Promise<void>) => {
    await act().catch((error: unknown) => problems.push(`${what}: ${messageOf(error)}`));
  };
  const destroy = ['destroy', '--cluster', cluster, '--settings', settingsFile, '--keep-images', '--yes'];
  for (let tries = 1; ; tries++) {
    const { code } = await imgcls(destroy, new AbortController().signal).catch(() => ({ code: null }));
    if (code === 0) break;
    if (tries === CLEAN_UP_TRIES) {
      problems.push(`"imgcls destroy --cluster ${cluster}" failed ${tries} times; run it yourself`);
      break;
    }
  }
  if (built !== undefined) await attempt(`image ${built} remains`, () => removeImage(built));
  await attempt('cannot list what remains', async () => {
    problems.push(...(await leftovers()).map((line) => `${line} remains`));
  });
  for (const problem of problems) say(`NOT CLEAN: ${problem}.`);
  return problems.length === 0;
}

/** @throws when the command fails. */
async function succeed(args: readonly string[], { imgcls, signal }: LiveTestOptions): Promise<Run> {
  signal.throwIfAborted();
  const run = await imgcls(args, signal);
  signal.throwIfAborted();
  if (run.code !== 0) throw new Error(`"imgcls ${args.join(' ')}" exited with code ${run.code}.`);
  return run;
}

/** Runs `imgcls status`; undefined if a needed part is unknown. */
async function tryReadFleet({ imgcls, signal }: LiveTestOptions): Promise<Fleet | undefined> {
  const { code, stdout } = await imgcls(['status', '--format', 'json'], signal);
  signal.throwIfAborted();
  return code === 0 ? parseFleet(stdout) : undefined;
}

async function readFleet(options: LiveTestOptions): Promise<Fleet> {
  const fleet = await tryReadFleet(options);
  if (fleet === undefined) throw new Error('"imgcls status" could not read the fleet.');
  return fleet;
}

async function untilFleet(
  what: string,
  isSo: (fleet: Fleet) => boolean,
  withinMs: number,
  options: LiveTestOptions,
): Promise<void> {
  const { clock, signal } = options;
  const endMs = clock.monotonicMs() + withinMs;
  for (;;) {
    const fleet = await tryReadFleet(options);
    if (fleet !== undefined && isSo(fleet)) return;
    if (clock.monotonicMs() > endMs)
      throw new Error(`Timed out after ${withinMs / 60_000} minutes waiting until ${what}.`);
    await clock.sleep(POLL_MS, signal);
    signal.throwIfAborted();
  }
}

/** The maximum number of machines at a time until the signal aborts. */
async function mostMachines(options: LiveTestOptions, until: AbortSignal): Promise<number> {
  let most = 0;
  while (!until.aborted) {
    const fleet = await tryReadFleet(options).catch(() => undefined);
    most = Math.max(most, fleet?.machines ?? 0);
    await options.clock.sleep(POLL_MS, until);
  }
  return most;
}

function checkLabels(ndjson: string, { expected }: Photographs): void {
  const outcomes = ndjson
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { name: string; wnid?: string });
  const names = new Set(outcomes.map(({ name }) => name));
  const missing = [...expected.keys()].filter((name) => !names.has(name));
  const wrong = outcomes.filter(({ name, wnid }) => !expected.get(name)?.includes(wnid ?? ''));
  if (missing.length === 0 && wrong.length === 0 && outcomes.length === expected.size) return;
  const some = [...missing, ...wrong.map(({ name, wnid }) => `${name} (${wnid ?? 'an error'})`)].slice(0, 5);
  throw new Error(
    `Of ${expected.size} images ${missing.length} have no outcome and ${wrong.length} a wrong one: ${some.join(', ')}.`,
  );
}

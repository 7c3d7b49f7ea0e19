/**
 * The whole story, by the commands that a user runs: an image, a cluster, and three acts. Below the threshold nothing
 * moves; work comes, the fleet grows and every image gets its label; the work is gone, and the fleet shrinks to nothing.
 * Whatever happens, everything is taken away again, and what is left is told.
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

export interface StoryOptions {
  cluster: string;
  /** The config file that `deploy` writes and that every other command finds. */
  settingsFile: string;
  photographs: Photographs;
  /** A machine image that is there; else one is built and removed again. */
  image: string | undefined;
  /** Further flags of `deploy`. */
  deployFlags: readonly string[];
  /** Runs `imgcls`; ends it when the signal aborts. */
  imgcls(args: readonly string[], signal: AbortSignal): Promise<Run>;
  removeImage(image: string): Promise<void>;
  /** What is still there of the cluster, a line each. */
  leftovers(): Promise<string[]>;
  clock: Clock;
  say(text: string): void;
  /** Aborts when its time is up or somebody wants it to end: then it cleans up. */
  signal: AbortSignal;
}

const LOOK_MS = 5000;
/** So long nothing may move while there is nothing to do. */
const QUIET_MS = 60_000;
const CONTROLLER_MS = 10 * 60_000;
const SHRINK_MS = 15 * 60_000;
/** With it a second machine is worth its boot for a few hundred images. */
const TARGET_SECONDS = 20;
const CLEAN_UP_TRIES = 2;

/** @returns true where every act went as it should and nothing is left. */
export async function tellStory(options: StoryOptions): Promise<boolean> {
  const { say } = options;
  let went = false;
  let built: string | undefined;
  try {
    const image = options.image ?? (await buildImage(options));
    if (options.image === undefined) built = image;
    await deploy(image, options);
    await quietAct(options);
    await workAct(options);
    await emptyAct(options);
    went = true;
  } catch (error) {
    say(`It went wrong: ${messageOf(options.signal.aborted ? options.signal.reason : error)}`);
  }
  const isClean = await cleanUp(options, built);
  say(went && isClean ? 'The story is told, and nothing is left.' : 'The live test has FAILED.');
  return went && isClean;
}

async function buildImage(options: StoryOptions): Promise<string> {
  options.say('Before the first act: the image of the workers.');
  const { stdout } = await succeed(['ami', 'build', '--yes'], options);
  const image = stdout.match(/\bami-[0-9a-f]+\b/g)?.at(-1);
  if (image === undefined) throw new Error('"imgcls ami build" has printed no image.');
  return image;
}

async function deploy(image: string, options: StoryOptions): Promise<void> {
  const { cluster, settingsFile, deployFlags, say } = options;
  say(`Before the first act: cluster ${cluster}.`);
  const machines = ['--image', image, '--instance-type', MACHINES.worker, '--max', `${MACHINES.most}`];
  const controller = ['--controller', '--controller-type', MACHINES.controller];
  const parameters = ['--parameter', `TargetSeconds=${TARGET_SECONDS}`];
  const where = ['--cluster', cluster, '--settings', settingsFile, '--yes'];
  await succeed(['deploy', ...where, ...machines, ...controller, ...parameters, ...deployFlags], options);
  await succeed(['doctor'], options);
}

/** Nothing to do: the controller lives, and launches nobody. */
async function quietAct(options: StoryOptions): Promise<void> {
  const { clock, say, signal } = options;
  say('Act one: there is no work, and nothing moves.');
  await untilFleet('the controller is alive', ({ isControlled }) => isControlled, CONTROLLER_MS, options);
  const endMs = clock.monotonicMs() + QUIET_MS;
  while (clock.monotonicMs() < endMs) {
    const { machines } = await look(options);
    if (machines > 0) throw new Error(`There are ${machines} machines, and no work.`);
    await clock.sleep(LOOK_MS, signal);
    signal.throwIfAborted();
  }
}

/** Work comes: the fleet grows, within its limit, and every image gets a label that is right. */
async function workAct(options: StoryOptions): Promise<void> {
  const { photographs, clock, say, signal } = options;
  say(`Act two: ${photographs.expected.size} images come, and the fleet grows.`);
  const done = new AbortController();
  const watching = mostMachines(options, AbortSignal.any([signal, done.signal]));
  const upload = succeed(['upload', photographs.folder, '--format', 'ndjson'], options).finally(() =>
    done.abort(),
  );
  const [{ stdout }, most] = await Promise.all([upload, watching]);
  checkLabels(stdout, photographs);
  if (most === 0) throw new Error('The images have labels, and no machine was seen.');
  if (most > MACHINES.most)
    throw new Error(`There were ${most} machines, and ${MACHINES.most} are the most.`);
  say(`All labelled; the fleet grew to ${most} at ${new Date(clock.nowMs()).toISOString()}.`);
}

/** The work is gone: the fleet shrinks to nothing. */
async function emptyAct(options: StoryOptions): Promise<void> {
  options.say('Act three: the work is gone, and the fleet shrinks to nothing.');
  await untilFleet('no machine is left', ({ machines }) => machines === 0, SHRINK_MS, options);
}

/** Takes everything away, whatever there is of it. Not by the story's own signal: that may be why. */
async function cleanUp(options: StoryOptions, built: string | undefined): Promise<boolean> {
  const { cluster, settingsFile, imgcls, removeImage, leftovers, say } = options;
  say('After the last act: everything is taken away.');
  const problems: string[] = [];
  const attempt = async (what: string, act: () => Promise<void>) => {
    await act().catch((error: unknown) => problems.push(`${what}: ${messageOf(error)}`));
  };
  const destroy = ['destroy', '--cluster', cluster, '--settings', settingsFile, '--yes'];
  for (let tries = 1; ; tries++) {
    const { code } = await imgcls(destroy, new AbortController().signal).catch(() => ({ code: null }));
    if (code === 0) break;
    if (tries === CLEAN_UP_TRIES) {
      problems.push(`"imgcls destroy --cluster ${cluster}" has failed ${tries} times: run it again by hand`);
      break;
    }
  }
  if (built !== undefined) await attempt(`image ${built} is left`, () => removeImage(built));
  await attempt('what is left cannot be told', async () => {
    problems.push(...(await leftovers()).map((line) => `${line} is left`));
  });
  for (const problem of problems) say(`NOT CLEAN: ${problem}.`);
  return problems.length === 0;
}

/** @throws where the command fails. */
async function succeed(args: readonly string[], { imgcls, signal }: StoryOptions): Promise<Run> {
  signal.throwIfAborted();
  const run = await imgcls(args, signal);
  signal.throwIfAborted();
  if (run.code !== 0) throw new Error(`"imgcls ${args.join(' ')}" has ended with ${run.code}.`);
  return run;
}

/** What `imgcls status` says now; undefined where it could not say all of it. */
async function glance({ imgcls, signal }: StoryOptions): Promise<Fleet | undefined> {
  const { code, stdout } = await imgcls(['status', '--format', 'json'], signal);
  signal.throwIfAborted();
  return code === 0 ? parseFleet(stdout) : undefined;
}

async function look(options: StoryOptions): Promise<Fleet> {
  const fleet = await glance(options);
  if (fleet === undefined) throw new Error('"imgcls status" cannot tell how the fleet is.');
  return fleet;
}

async function untilFleet(
  what: string,
  isSo: (fleet: Fleet) => boolean,
  withinMs: number,
  options: StoryOptions,
): Promise<void> {
  const { clock, signal } = options;
  const endMs = clock.monotonicMs() + withinMs;
  for (;;) {
    const fleet = await glance(options);
    if (fleet !== undefined && isSo(fleet)) return;
    if (clock.monotonicMs() > endMs)
      throw new Error(`Waited ${withinMs / 60_000} minutes in vain until ${what}.`);
    await clock.sleep(LOOK_MS, signal);
    signal.throwIfAborted();
  }
}

/** The most machines that were seen at once until the signal aborts. */
async function mostMachines(options: StoryOptions, until: AbortSignal): Promise<number> {
  let most = 0;
  while (!until.aborted) {
    const fleet = await glance(options).catch(() => undefined);
    most = Math.max(most, fleet?.machines ?? 0);
    await options.clock.sleep(LOOK_MS, until);
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

/** The settings that a person may change while a cluster runs ("imgcls cluster set"). */

import { ImgclsError } from '../runtime/errors.ts';
import { nearest } from '../text/nearest.ts';
import { count } from './schemas.ts';
import { environmentName, resolveSettings, type SettingName, settingNames } from './settings.ts';

/** Those of the controller that may change while it runs. The others belong to the stack, to workers or to submitters. */
export const CLUSTER_SETTINGS = [
  'min',
  'max',
  'policy',
  'forecast',
  'targetSeconds',
  'idleSeconds',
  'cooldownSeconds',
  'maxLaunchPerTick',
  'maxHourlyCost',
  'maxJobCost',
  'pricePerHour',
  'imagesPerSecond',
  'instanceTypes',
  'onDemandPercentage',
  'warm',
  'bootDeadlineSeconds',
  'maxLifetimeSeconds',
] as const satisfies readonly SettingName[];

/** `spot=80` is short for `onDemandPercentage=20`. */
const SPOT = 'spot';
const SPOT_REST = 'onDemandPercentage';

export type ClusterValues = Readonly<Record<string, unknown>>;

/** What settings of the cluster are called where a setting is said to be from. */
export const CLUSTER_ORIGIN = 'cluster';

/** Parses `max=40 maxHourlyCost=5`. @throws {ImgclsError} of kind `usage` that lists every problem. */
export function parseAssignments(words: readonly string[]): ClusterValues {
  const assignments = words.map((word): [string, string] => {
    const at = word.indexOf('=');
    if (at < 1 || at === word.length - 1)
      throw new ImgclsError('usage', `A setting must be NAME=VALUE, not ${word}.`);
    return [word.slice(0, at), word.slice(at + 1)];
  });
  const given = Object.fromEntries(assignments);
  refuseTwice(assignments.map(([name]) => (name === SPOT ? SPOT_REST : name)));
  const problems = unknownNames(Object.keys(given).filter((name) => name !== SPOT));
  if (problems.length > 0) throw new ImgclsError('usage', `Invalid settings:\n  ${problems.join('\n  ')}`);
  return checkClusterValues(withoutSpot(given));
}

/** One of them would be ignored. */
function refuseTwice(names: readonly string[]): void {
  const twice = names.find((name, at) => names.indexOf(name) < at);
  if (twice === undefined) return;
  const why = twice === SPOT_REST ? ` (${SPOT} is the rest of it)` : '';
  throw new ImgclsError('usage', `${twice} is set twice${why}: give it once.`);
}

function withoutSpot({ [SPOT]: spot, ...values }: Record<string, string>): ClusterValues {
  if (spot === undefined) return values;
  const percentage = count(0, 100).safeParse(spot);
  if (!percentage.success || spot === '')
    throw new ImgclsError('usage', `spot must be a percentage from 0 to 100, not ${spot}.`);
  return { ...values, [SPOT_REST]: 100 - percentage.data };
}

/** @throws {ImgclsError} of kind `usage` for a name that is not a setting of a running cluster. */
export function requireClusterNames(names: readonly string[]): readonly string[] {
  const problems = unknownNames(names.filter((name) => name !== SPOT));
  if (problems.length > 0) throw new ImgclsError('usage', `Invalid settings:\n  ${problems.join('\n  ')}`);
  return names.map((name) => (name === SPOT ? SPOT_REST : name));
}

/**
 * The values in their own types. Also checks them together.
 * @throws {ImgclsError} of kind `config` that lists every problem.
 */
export function checkClusterValues(values: ClusterValues): ClusterValues {
  const problems = unknownNames(Object.keys(values));
  if (problems.length > 0) throw new ImgclsError('config', `Invalid settings:\n  ${problems.join('\n  ')}`);
  const { settings } = resolveSettings([{ from: CLUSTER_ORIGIN, values }]);
  return Object.fromEntries(Object.keys(values).map((name) => [name, settings[name as SettingName]]));
}

function unknownNames(names: readonly string[]): string[] {
  const own: readonly string[] = CLUSTER_SETTINGS;
  return names.filter((name) => !own.includes(name)).map(whyUnknown);
}

function whyUnknown(name: string): string {
  const setting = settingNames.find((each) => each === name);
  if (setting !== undefined)
    return `${name} does not change while a cluster runs: set it with "imgcls deploy", or as ${environmentName(setting)} where the process starts`;
  const meant = nearest(name, [...CLUSTER_SETTINGS, SPOT]);
  const known = `"imgcls cluster show" lists all`;
  return `unknown setting ${name}; ${meant === undefined ? known : `did you mean ${meant}?`}`;
}

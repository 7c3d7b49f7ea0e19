// Settings of a running cluster: `imgcls cluster set`, `unset` and `show`.

import { systemClock } from '../../app/system-clock.ts';
import { openWaker } from '../../app/wake-controller.ts';
import type { ControllerReport } from '../../core/fleet/fleet.ts';
import {
  changeClusterSettings,
  clearClusterSettings,
  findClusterSettings,
} from '../../core/fleet/settings-document.ts';
import { ImgclsError } from '../../core/runtime/errors.ts';
import {
  CLUSTER_ORIGIN,
  CLUSTER_SETTINGS,
  type ClusterValues,
  checkClusterValues,
  parseAssignments,
  requireClusterNames,
} from '../../core/settings/cluster-settings.ts';
import { describeSetting, resolveSettings, type SettingName } from '../../core/settings/settings.ts';
import { readReport } from '../../scaler/report.ts';
import { type Run, withRun } from '../run.ts';
import { notice } from '../terminal/notice.ts';
import { screenOf } from '../terminal/screen.ts';
import { drawTable } from '../terminal/table.ts';

type Flags = Partial<Record<SettingName, unknown>>;

export interface ClusterShowFlags {
  cluster?: string;
  dataDir?: string;
  format: 'table' | 'json';
}

export interface ClusterUnsetFlags {
  cluster?: string;
  dataDir?: string;
  all?: boolean;
}

export async function setClusterSettings(words: readonly string[], flags: Flags): Promise<void> {
  const changes = parseAssignments(words);
  await withRun(flags, async (run) => {
    await change(run, (values) => checkClusterValues({ ...values, ...changes }));
  });
}

export async function unsetClusterSettings(
  names: readonly string[],
  { all = false, ...flags }: ClusterUnsetFlags,
): Promise<void> {
  if (all === names.length > 0)
    throw new ImgclsError('usage', 'Name the settings to take back, or give --all instead.');
  const taken = requireClusterNames(names);
  await withRun(flags, async (run) => {
    if (!all) return await change(run, (values) => without(values, taken));
    await clearClusterSettings(run.cloud.output, systemClock.nowMs());
    await announce(run, {});
  });
}

const without = (values: ClusterValues, names: readonly string[]): ClusterValues =>
  Object.fromEntries(Object.entries(values).filter(([name]) => !names.includes(name)));

async function change(run: Run, how: (values: ClusterValues) => ClusterValues): Promise<void> {
  await announce(run, await changeClusterSettings(run.cloud.output, systemClock.nowMs(), how));
}

/** Says what is set now, and wakes a controller that AWS Lambda runs. */
async function announce({ settings, cloud }: Run, values: ClusterValues): Promise<void> {
  const set = Object.entries(values).map(([name, value]) => `${name}=${String(value)}`);
  notice(`Cluster ${cloud.cluster}: ${set.join(' ') || 'no setting is changed'}.`);
  notice('Its controller applies this at its next tick; "imgcls status" warns if it cannot.');
  const waker = openWaker(settings, systemClock);
  waker?.wake();
  await waker?.close();
}

interface Row {
  name: string;
  /** As its controller has it; absent if it is unset or unknown. */
  value?: unknown;
  /** `unknown`: no controller has reported settings. */
  from: string;
  /** What "imgcls cluster set" changed it to, if the controller does not have it. */
  pending?: unknown;
  what: string;
}

export async function showClusterSettings({ format, ...flags }: ClusterShowFlags): Promise<void> {
  await withRun(flags, async ({ cloud: { output } }) => {
    const [found, report] = await Promise.all([findClusterSettings(output), readReport(output)]);
    const rows = CLUSTER_SETTINGS.map((name) => rowOf(name, found?.values ?? {}, report?.settings));
    const screen = screenOf(process.stdout);
    process.stdout.write(
      format === 'json'
        ? `${JSON.stringify(rows, null, 2)}\n`
        : `${drawTable(['setting', 'value', 'from', 'description'], rows.map(cellsOf), { screen, dropFirst: ['description'], whole: ['setting'] })}\n`,
    );
  });
}

function rowOf(name: SettingName, changed: ClusterValues, applied: ControllerReport['settings']): Row {
  const { value, from } = applied?.[name] ?? unchanged(name, applied);
  const isPending =
    name in changed
      ? JSON.stringify(changed[name]) !== JSON.stringify(value) && from !== 'flag'
      : from === CLUSTER_ORIGIN;
  return {
    name,
    ...(value !== undefined && { value }),
    from,
    ...(isPending && { pending: changed[name] ?? null }),
    what: describeSetting(name),
  };
}

/** Of a setting that the report does not have. */
function unchanged(
  name: SettingName,
  applied: ControllerReport['settings'],
): { value: unknown; from: string } {
  if (applied === undefined) return { value: undefined, from: 'unknown' };
  const { settings, origins } = resolveSettings([]);
  return { value: settings[name], from: origins[name] };
}

function cellsOf({ name, value, from, pending, what }: Row): string[] {
  const shown = value === undefined ? '-' : String(value);
  if (pending === undefined) return [name, shown, from, what];
  const next = pending === null ? 'unset' : String(pending);
  return [name, `${shown} (${next} at the next tick of the controller)`, from, what];
}

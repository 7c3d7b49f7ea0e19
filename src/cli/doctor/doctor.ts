// `imgcls doctor`: checks this machine and the cluster that the settings name.

import { statfs } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { loadSettings, type RunSettings } from '../../app/settings.ts';
import { type Check, type Finding, failed, findingText, ok, runChecks } from '../../doctor/check.ts';
import { checkDisk, checkMemory, checkNode } from '../../doctor/machine.ts';
import { withInterrupt } from '../run.ts';
import { exitCode } from '../terminal/exit.ts';
import { clusterChecks } from './doctor-cluster.ts';
import { checkWritable, localModelChecks, nearestFolder, objectsCheck, storeCheck } from './doctor-local.ts';

export interface DoctorFlags {
  format: 'text' | 'json';
  cluster?: string;
  dataDir?: string;
}

/** Runs `imgcls doctor`. @returns the exit code: 1 when an action is needed. */
export function doctor({ format, cluster, dataDir }: DoctorFlags): Promise<number> {
  return withInterrupt('Nothing was changed.', async (signal, cleanup) => {
    const findings: Finding[] = [];
    const { settings, check } = readSettings({ cluster, dataDir });
    const checks = [check, ...machineChecks(settings)];
    // Invalid settings name no cluster to check.
    if (settings !== undefined)
      checks.push(
        ...(settings.cloud === 'aws'
          ? clusterChecks(settings, cleanup, signal)
          : [
              storeCheck(settings, signal),
              objectsCheck(settings, signal),
              ...localModelChecks(settings, signal),
            ]),
      );
    for await (const finding of runChecks(checks, signal)) {
      findings.push(finding);
      if (format === 'text') process.stdout.write(`${findingText(finding)}\n`);
    }
    if (format === 'json') process.stdout.write(`${JSON.stringify(findings, null, 2)}\n`);
    return findings.some(({ status }) => status === 'action_needed') ? exitCode.failed : exitCode.done;
  });
}

function readSettings(flags: { cluster?: string | undefined; dataDir?: string | undefined }): {
  settings?: RunSettings;
  check: Check;
} {
  const name = 'settings';
  try {
    const { settings, origins } = loadSettings(flags);
    const where = settings.cloud === 'aws' ? `cluster ${settings.cluster} on AWS` : 'this machine only';
    return { settings, check: { name, run: async () => ok(`${where} (cloud: ${origins.cloud})`) } };
  } catch (error) {
    return { check: { name, run: async () => failed(error) } };
  }
}

function machineChecks(settings: RunSettings | undefined): Check[] {
  const checks: Check[] = [
    { name: 'Node', run: async () => checkNode(process.versions.node) },
    { name: 'memory', run: async () => checkMemory(totalmem()) },
  ];
  if (settings === undefined) return checks;
  const { dataDir } = settings;
  return [
    ...checks,
    { name: 'data folder', run: () => checkWritable(dataDir) },
    {
      name: 'disk',
      async run() {
        const { bavail, bsize } = await statfs(await nearestFolder(dataDir));
        return checkDisk(dataDir, bavail * bsize);
      },
    },
  ];
}

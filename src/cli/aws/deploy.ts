// `imgcls deploy`: one stack on AWS, from what the flags ask for and what the account has.

import { ulid } from 'ulid';
import { type AwsAccount, deploymentSettings, openAwsAccount } from '../../app/open-aws-account.ts';
import { openModelLibrary } from '../../app/select-job-model.ts';
import type { RunSettings } from '../../app/settings.ts';
import { systemClock } from '../../app/system-clock.ts';
import { version } from '../../app/version.ts';
import { usualRegion, whoAmI } from '../../aws/identity.ts';
import type { ResourceChange, Stack } from '../../core/aws-account/stacks.ts';
import { ImgclsError } from '../../core/runtime/errors.ts';
import { CHANGE_HEAD, changeRows, changeSummary, losses } from '../../deploy/changes.ts';
import { type DeployResult, deployStack } from '../../deploy/deploy-stack.ts';
import { stackParameters } from '../../deploy/stack-parameters.ts';
import { withInterrupt } from '../run.ts';
import { agree } from '../terminal/ask.ts';
import { exitCode } from '../terminal/exit.ts';
import { notice } from '../terminal/notice.ts';
import { drawTable } from '../terminal/table.ts';
import { announceCluster } from './deploy-after.ts';
import { type ParameterFlags, requestedParameters } from './deploy-parameters.ts';
import { stackProgress } from './stack-progress.ts';
import { readTemplate } from './template.ts';

export interface DeployFlags extends ParameterFlags {
  cluster?: string;
  dataDir?: string;
  region?: string;
  template?: string;
  settings?: string;
  plan?: boolean;
  yes?: boolean;
}

export const stackNameOf = (cluster: string): string => `imgcls-${cluster}`;

/** Runs `imgcls deploy`. @returns the exit code. */
export function deploy(flags: DeployFlags): Promise<number> {
  const advice =
    'What CloudFormation has begun goes on without us: the same command again follows it to the end.';
  return withInterrupt(advice, async (signal, cleanup) => {
    const { cluster, dataDir, region } = flags;
    const settings = deploymentSettings({ cluster, dataDir });
    const wanted = requestedParameters(flags);
    await requireModel(flags.model, settings);
    const caller = await whoAmI(region === undefined ? {} : { region });
    notice(
      `cluster ${settings.cluster}, account ${caller.account}, region ${caller.region}, as ${caller.arn}.`,
    );

    const account = openAwsAccount(region, cleanup);
    const template = await readTemplate(flags.template);
    const summary = await account.stacks.summarize(template);
    const name = stackNameOf(settings.cluster);
    const progress = stackProgress(name);
    cleanup.add(progress.stop);
    const deployed = await deployStack(
      {
        stacks: account.stacks,
        clock: systemClock,
        signal,
        newName: () => `imgcls-${ulid()}`,
        notice: progress.notice,
        agreeToClear: (stack) => agreeToClear(stack, flags, signal),
        agree: (changes) => agreeToChanges(changes, flags, signal),
        onEvent: progress.show,
      },
      {
        name,
        template,
        capabilities: summary.capabilities,
        parameters: (stack) =>
          stackParameters(stack, { ...settings, wanted, summary, version, notice }, account),
      },
    );
    progress.stop();
    return await conclude(deployed, flags, { settings, account, signal });
  });
}

async function conclude(
  deployed: DeployResult,
  flags: DeployFlags,
  { settings, account, signal }: { settings: RunSettings; account: AwsAccount; signal: AbortSignal },
): Promise<number> {
  if (deployed.result === 'declined') {
    if (flags.plan !== true) throw new ImgclsError('permanent', 'Nothing was changed.');
    notice('this was a plan: nothing was changed.');
    return exitCode.done;
  }
  const { result, stack } = deployed;
  notice(result === 'unchanged' ? 'nothing has to be changed.' : `stack ${stack.name} is ${stack.status}.`);
  if (flags.plan === true) return exitCode.done;
  await announceCluster(stack, { settings, file: flags.settings, store: account.store, signal });
  const { region } = flags;
  if (region !== undefined && region !== (await usualRegion()))
    notice(`other commands look in AWS's own region: set AWS_REGION=${region} for them.`);
  return exitCode.done;
}

/** @throws {ImgclsError} of kind `usage` before anything is made for a model that nobody could name in a job. */
async function requireModel(name: string | undefined, settings: RunSettings): Promise<void> {
  if (name === undefined) return;
  if ((await openModelLibrary(settings).find(name)).length > 0) return;
  throw new ImgclsError('usage', `No model ${name} is installed.`, {
    hint: `imgcls model pull ${name}; "imgcls model list" shows all.`,
  });
}

async function agreeToClear(
  { name, status }: Stack,
  flags: DeployFlags,
  signal: AbortSignal,
): Promise<boolean> {
  const what = `stack ${name} is ${status}: what is left of a first deployment that failed. It has to be deleted first`;
  if (flags.plan === true)
    throw new ImgclsError('permanent', `There is no plan: ${what}.`, {
      hint: '"imgcls deploy" deletes it and begins anew; so does "imgcls destroy".',
    });
  notice(`${what}.`);
  return await agree('Delete it?', asking('Deleting a stack wants to be agreed to', flags, signal));
}

async function agreeToChanges(
  changes: readonly ResourceChange[],
  flags: DeployFlags,
  signal: AbortSignal,
): Promise<boolean> {
  const out = flags.plan === true ? process.stdout : process.stderr;
  if (changes.length > 0) out.write(`${drawTable(CHANGE_HEAD, changeRows(changes))}\n`);
  out.write(`${changeSummary(changes)}\n`);
  const lost = losses(changes);
  if (lost.length > 0)
    notice(`what is in ${lost.join(', ')} would be lost, or the deployment would fail for it.`);
  if (flags.plan === true) return false;
  return await agree('Deploy?', asking('Deploying changes the account and costs money', flags, signal));
}

const asking = (why: string, { yes = false }: DeployFlags, signal: AbortSignal) => ({
  yes,
  why,
  hint: '--yes agrees beforehand; --plan only shows what would change.',
  signal,
});

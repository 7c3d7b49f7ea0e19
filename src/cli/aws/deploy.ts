// `imgcls deploy`: creates or updates the CloudFormation stack of a cluster.

import { ulid } from 'ulid';
import { type AwsAccount, deploymentSettings, openAwsAccount } from '../../app/open-aws-account.ts';
import { openModelLibrary } from '../../app/select-job-model.ts';
import type { RunSettings } from '../../app/settings.ts';
import { systemClock } from '../../app/system-clock.ts';
import { version } from '../../app/version.ts';
import { usualRegion, whoAmI } from '../../aws/identity.ts';
import type { TypeInfo } from '../../core/aws-account/ec2.ts';
import { ImgclsError } from '../../core/runtime/errors.ts';
import { type DeployResult, deployStack } from '../../deploy/deploy-stack.ts';
import { parameterValue } from '../../deploy/parameters.ts';
import { stackParameters } from '../../deploy/stack-parameters.ts';
import { withInterrupt } from '../run.ts';
import { exitCode } from '../terminal/exit.ts';
import { notice } from '../terminal/notice.ts';
import { readControllerCode, storeControllerCode } from './controller-package.ts';
import { finishDeployment } from './deploy-after.ts';
import { type DeployFlags, requestedParameters } from './deploy-parameters.ts';
import { agreeToChanges, agreeToClear, buildFirstImage, isUnbuilt, tellCosts } from './deploy-plan.ts';
import { stackNameOf } from './stack-name.ts';
import { stackProgress } from './stack-progress.ts';
import { readTemplate } from './template.ts';

/** Runs `imgcls deploy`. @returns the exit code. */
export function deploy(flags: DeployFlags): Promise<number> {
  const advice =
    'Run the same command again to continue. CloudFormation finishes an operation that it has started.';
  return withInterrupt(advice, async (signal, cleanup) => {
    const { cluster, dataDir, region } = flags;
    const settings = deploymentSettings({ cluster, dataDir });
    const wanted = requestedParameters(flags);
    await requireModel(flags.model, settings);
    const caller = await whoAmI(region === undefined ? {} : { region });
    notice(
      `Cluster ${settings.cluster}, account ${caller.account}, region ${caller.region}, as ${caller.arn}.`,
    );

    const account = openAwsAccount(region, cleanup);
    const template = await readTemplate(flags.template);
    const summary = await account.stacks.summarize(template);
    const name = stackNameOf(settings.cluster);
    const takesCode = summary.parameters.some((parameter) => parameter.name === 'ControllerCode');
    const code = takesCode ? await readControllerCode() : undefined;
    let hasController = false;
    const parts = { flags, account, caller, signal };
    const progress = stackProgress(name);
    cleanup.add(progress.stop);
    const deployed = await deployStack(
      {
        stacks: account.stacks,
        buckets: account.buckets,
        clock: systemClock,
        signal,
        newName: () => `imgcls-${ulid()}`,
        notice: progress.notice,
        agreeToClear: (stack) => agreeToClear(stack, flags, signal),
        agree: (changes) => agreeToChanges(changes, flags, signal),
        async prepare() {
          if (code !== undefined && hasController) await storeControllerCode(code, caller, account.assets);
        },
        onEvent: progress.show,
      },
      {
        name,
        template,
        capabilities: summary.capabilities,
        async parameters(stack) {
          const previous = stack?.parameters ?? {};
          hasController = parameterValue('WithController', { summary, previous, wanted }) === 'true';
          const request = {
            ...settings,
            wanted,
            summary,
            version,
            controllerCode: code?.key,
            notice,
            buildImage: (type: TypeInfo, vpc?: string) => buildFirstImage(type, vpc, parts),
          };
          const chosen = await stackParameters(stack, request, account);
          await tellCosts({ template, summary, stack, chosen }, parts);
          return isUnbuilt(chosen) ? undefined : chosen;
        },
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
    if (flags.dryRun !== true) throw new ImgclsError('permanent', 'Nothing was changed.');
    notice('Dry run: nothing was changed.');
    return exitCode.done;
  }
  const { result, stack } = deployed;
  notice(result === 'unchanged' ? 'No changes.' : `Stack ${stack.name} is ${stack.status}.`);
  if (flags.dryRun === true) return exitCode.done;
  if (flags.alarmEmail)
    notice(`AWS has sent a message to ${flags.alarmEmail}. Alarms arrive only after its link was opened.`);
  await finishDeployment(stack, { settings, file: flags.settings, store: account.store, signal });
  const { region } = flags;
  if (region !== undefined && region !== (await usualRegion()))
    notice(`Other commands use your default AWS region. Set AWS_REGION=${region} for them.`);
  return exitCode.done;
}

/** Fails before a deployment whose model no job could use. @throws {ImgclsError} of kind `usage` */
async function requireModel(name: string | undefined, settings: RunSettings): Promise<void> {
  if (name === undefined) return;
  if ((await openModelLibrary(settings).find(name)).length > 0) return;
  throw new ImgclsError('usage', `Model ${name} is not installed.`, {
    hint: `Run "imgcls model pull ${name}". "imgcls model list" shows all models.`,
  });
}

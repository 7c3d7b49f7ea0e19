// What `imgcls deploy` tells before it asks: the image to build, the cost of a month without work, quotas, the changes.

import type { AwsAccount } from '../../app/open-aws-account.ts';
import type { Caller } from '../../core/aws-account/account.ts';
import type { TypeInfo } from '../../core/aws-account/ec2.ts';
import { ARCHITECTURES, type Architecture } from '../../core/aws-account/ec2-images.ts';
import type {
  ParameterChoice,
  ResourceChange,
  Stack,
  Template,
  TemplateSummary,
} from '../../core/aws-account/stacks.ts';
import { ImgclsError, messageOf } from '../../core/runtime/errors.ts';
import { CHANGE_HEAD, changeRows, changeSummary, changeWarnings } from '../../deploy/changes.ts';
import { idleMonth, idleMonthText } from '../../deploy/idle-month.ts';
import type { MachineImage } from '../../deploy/image.ts';
import { quotaText } from '../../deploy/quota.ts';
import { type ParameterValues, readResources } from '../../deploy/template-resources.ts';
import { onDemandPercentageOf } from '../../scaler/drivers/instance-choice.ts';
import { agree } from '../terminal/ask.ts';
import { notice, warn } from '../terminal/notice.ts';
import { screenOf } from '../terminal/screen.ts';
import { drawTable } from '../terminal/table.ts';
import { BUILDER_TYPES, buildText, buildWorkerImages } from './build-worker-image.ts';
import type { DeployFlags } from './deploy-parameters.ts';

export interface PlanParts {
  flags: DeployFlags;
  account: AwsAccount;
  caller: Caller;
  signal: AbortSignal;
}

/** Stands for an image that a dry run does not build. */
const NO_IMAGE = 'ami-none';

export const isUnbuilt = (parameters: Readonly<Record<string, ParameterChoice>>): boolean => {
  const image = parameters.WorkerImageId;
  return typeof image === 'object' && image.value === NO_IMAGE;
};

/** Builds the first image of workers for a type, after asking. A dry run only says that there is none. */
export async function buildFirstImage(
  { type, architectures }: TypeInfo,
  vpc: string | undefined,
  { flags, account, caller, signal }: PlanParts,
): Promise<MachineImage> {
  const architecture = architectureOf(type, architectures);
  const builder = BUILDER_TYPES[architecture];
  notice(`The account has no worker image for ${type} (${architecture}) in this region.`);
  notice(buildText(architecture, builder));
  if (flags.dryRun === true) return { id: NO_IMAGE, architecture };
  const asked = asking('Building an image costs money', flags, signal);
  if (!(await agree('Build it now?', asked)))
    throw new ImgclsError('permanent', 'Nothing was built or deployed.');
  let id = '';
  const onImage = (built: string) => {
    id = built;
  };
  const recipe = { models: [], heic: false, vpc };
  await buildWorkerImages([[architecture, builder]], recipe, { account, caller, signal, onImage });
  return { id, architecture };
}

function architectureOf(type: string, supported: readonly string[]): Architecture {
  const found = ARCHITECTURES.find((each) => supported.includes(each));
  if (found !== undefined) return found;
  throw new ImgclsError('usage', `${type} is ${supported.join(', ')}, for which imgcls has no image.`, {
    hint: 'Use another --instance-type.',
  });
}

export interface CostQuestion {
  template: Template;
  summary: TemplateSummary;
  stack: Stack | undefined;
  chosen: Readonly<Record<string, ParameterChoice>>;
}

/** Prints what the cluster costs without work, and what the account's quota allows. */
export async function tellCosts(
  question: CostQuestion,
  { account, caller, flags }: PlanParts,
): Promise<void> {
  const values = valuesOf(question, caller);
  (flags.dryRun === true ? process.stdout : process.stderr).write(
    `${await idleText(question.template, values)}\n`,
  );
  const { InstanceType: type, MaxWorkers } = values;
  if (type === undefined || MaxWorkers === undefined) return;
  const percentage = onDemandPercentage(values);
  notice(marketText(percentage, values.Fleet));
  const market = percentage > 0 ? 'on-demand' : 'spot';
  const quota = await quotaText(account, { type, max: Number(MaxWorkers), region: caller.region, market });
  if (quota !== undefined) notice(quota);
}

function onDemandPercentage({ Fleet, InstanceTypes = '', OnDemandPercentage = '' }: ParameterValues): number {
  return onDemandPercentageOf({
    ...(OnDemandPercentage !== '' && { onDemandPercentage: Number(OnDemandPercentage) }),
    ...(Fleet === 'ec2' && { instanceTypes: InstanceTypes.split(',') }),
  });
}

function marketText(percentage: number, fleet: string | undefined): string {
  if (percentage === 100)
    return 'Workers are on-demand instances. For spot instances: --parameter OnDemandPercentage=0.';
  const which = percentage === 0 ? 'Workers are' : `${100 - percentage} % of the workers are`;
  const otherwise =
    fleet === 'asg' ? 'the group waits where there are none' : 'on demand where there are none';
  return `${which} spot instances, often at less than half the price; ${otherwise}. For on demand alone: --parameter OnDemandPercentage=100.`;
}

/** The value that each parameter will have. */
function valuesOf({ summary, stack, chosen }: CostQuestion, { account, region }: Caller): ParameterValues {
  const previous = stack?.parameters ?? {};
  const declared = summary.parameters.map(({ name, fallback = '' }) => {
    const choice = chosen[name] ?? { value: fallback };
    return [name, choice === 'previous' ? (previous[name] ?? fallback) : choice.value];
  });
  return {
    'AWS::AccountId': account,
    'AWS::Region': region,
    'AWS::Partition': 'aws',
    ...Object.fromEntries(declared),
  };
}

async function idleText(template: Template, values: ParameterValues): Promise<string> {
  if ('url' in template) return 'The cost without work is unknown: the template is not read here.';
  try {
    return idleMonthText(idleMonth(await readResources(template.body, values)));
  } catch (error) {
    return `The cost without work is unknown: ${messageOf(error)}`;
  }
}

export async function agreeToChanges(
  changes: readonly ResourceChange[],
  flags: DeployFlags,
  signal: AbortSignal,
): Promise<boolean> {
  const out = flags.dryRun === true ? process.stdout : process.stderr;
  if (changes.length > 0)
    out.write(
      `${drawTable(CHANGE_HEAD, changeRows(changes), { screen: screenOf(out), dropFirst: ['type'] })}\n`,
    );
  out.write(`${changeSummary(changes)}\n`);
  for (const text of changeWarnings(changes)) warn(text);
  if (flags.dryRun === true) return false;
  return await agree('Deploy?', asking('Deploying changes the account and costs money', flags, signal));
}

export async function agreeToClear(
  { name, status }: Stack,
  flags: DeployFlags,
  signal: AbortSignal,
): Promise<boolean> {
  const what = `Stack ${name} is ${status}: its first deployment failed, and it must be deleted before another one.`;
  if (flags.dryRun === true)
    throw new ImgclsError('permanent', `Cannot plan the deployment. ${what}`, {
      hint: 'Run "imgcls deploy" to delete the stack and deploy again, or "imgcls destroy" to only delete it.',
    });
  notice(what);
  return await agree('Delete it?', asking('Deleting a stack cannot be undone', flags, signal));
}

const asking = (why: string, { yes = false }: DeployFlags, signal: AbortSignal) => ({
  yes,
  why,
  hint: 'Use --yes to agree in advance, or --dry-run to only show the changes.',
  signal,
});

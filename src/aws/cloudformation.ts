import { randomUUID } from 'node:crypto';
import {
  type Capability,
  type Change,
  CloudFormationClient,
  CreateChangeSetCommand,
  type CreateChangeSetCommandInput,
  DeleteChangeSetCommand,
  DeleteStackCommand,
  DescribeChangeSetCommand,
  type DescribeChangeSetCommandOutput,
  DescribeStacksCommand,
  ExecuteChangeSetCommand,
  GetTemplateCommand,
  GetTemplateSummaryCommand,
  paginateDescribeStackEvents,
  paginateListStackResources,
  paginateListStacks,
  type Stack as SdkStack,
  StackStatus,
} from '@aws-sdk/client-cloudformation';
import type {
  ChangeSetRef,
  ChangeSetRequest,
  ChangeSetView,
  ResourceChange,
  Stack,
  Stacks,
  Template,
} from '../core/aws-account/stacks.ts';
import { ImgclsError, messageOf } from '../core/runtime/errors.ts';
import { type SdkClientOptions, smallRequests } from './clients.ts';
import { awsError, hasCode } from './errors.ts';
import { calling } from './retry.ts';

/** CloudFormation's message about a change set without changes, or instead of one. */
const NOTHING_TO_CHANGE = /didn't contain changes|No updates are to be performed/i;

/** The Stacks port over the SDK; `end` closes its connections. */
export function createStacks(options: SdkClientOptions): Stacks & { end(): void } {
  const client = new CloudFormationClient(smallRequests(options));
  return {
    find: (nameOrId) => find(client, nameOrId),
    summarize: (template) => summarize(client, template),
    propose: (request) => propose(client, request),
    proposal: (changeSet) => proposal(client, changeSet),
    async execute(changeSet) {
      await calling('start the deployment (cloudformation:ExecuteChangeSet)', undefined, () =>
        // With the token a retry does not start a second deployment.
        client.send(new ExecuteChangeSetCommand({ ...named(changeSet), ClientRequestToken: randomUUID() })),
      );
    },
    async discard(changeSet) {
      await calling('delete the change set (cloudformation:DeleteChangeSet)', undefined, () =>
        client.send(new DeleteChangeSetCommand(named(changeSet))),
      );
    },
    async remove(id) {
      await calling('delete the stack (cloudformation:DeleteStack)', undefined, () =>
        client.send(new DeleteStackCommand({ StackName: id })),
      );
    },
    async *events(id) {
      const pages = paginateDescribeStackEvents({ client }, { StackName: id });
      try {
        for await (const { StackEvents = [] } of pages) {
          for (const event of StackEvents) {
            yield {
              id: event.EventId ?? '',
              resource: event.LogicalResourceId ?? '',
              type: event.ResourceType ?? '',
              status: event.ResourceStatus ?? '',
              atMs: event.Timestamp?.getTime() ?? 0,
              ...(event.PhysicalResourceId && { physicalId: event.PhysicalResourceId }),
              ...(event.ResourceStatusReason && { reason: event.ResourceStatusReason }),
            };
          }
        }
      } catch (error) {
        throw awsError(error, 'read the events of the stack (cloudformation:DescribeStackEvents)');
      }
    },
    resources: (id) =>
      calling('list the resources of the stack (cloudformation:ListStackResources)', undefined, async () => {
        const pages = await Array.fromAsync(paginateListStackResources({ client }, { StackName: id }));
        return pages.flatMap(({ StackResourceSummaries = [] }) =>
          StackResourceSummaries.map((each) => ({
            resource: each.LogicalResourceId ?? '',
            type: each.ResourceType ?? '',
            status: each.ResourceStatus ?? '',
            ...(each.PhysicalResourceId && { physicalId: each.PhysicalResourceId }),
          })),
        );
      }),
    template: (id) =>
      calling('read the template of the stack (cloudformation:GetTemplate)', undefined, async () => {
        const { TemplateBody = '' } = await client.send(
          new GetTemplateCommand({ StackName: id, TemplateStage: 'Original' }),
        );
        return TemplateBody;
      }),
    async names() {
      const present = await summaries(client, PRESENT);
      return present.flatMap(({ StackName }) => StackName ?? []);
    },
    async deleted(name) {
      const deleted = await summaries(client, ['DELETE_COMPLETE']);
      return deleted
        .filter(({ StackName }) => StackName === name)
        .sort((a, b) => Number(b.CreationTime) - Number(a.CreationTime))
        .flatMap(({ StackId }) => StackId ?? []);
    },
    end: () => client.destroy(),
  };
}

/** Every status but that of deleted stacks, which ListStacks keeps for 90 days. */
const PRESENT = Object.values(StackStatus).filter((status) => status !== 'DELETE_COMPLETE');

const summaries = (client: CloudFormationClient, StackStatusFilter: StackStatus[]) =>
  calling('list stacks (cloudformation:ListStacks)', undefined, async () => {
    const pages = await Array.fromAsync(paginateListStacks({ client }, { StackStatusFilter }));
    return pages.flatMap(({ StackSummaries = [] }) => StackSummaries);
  });

const named = ({ id, stackId }: ChangeSetRef) => ({ ChangeSetName: id, StackName: stackId });

async function find(client: CloudFormationClient, nameOrId: string): Promise<Stack | undefined> {
  try {
    const { Stacks: [stack] = [] } = await client.send(new DescribeStacksCommand({ StackName: nameOrId }));
    return stack && toStack(stack);
  } catch (error) {
    if (hasCode(error, 'ValidationError') && /does not exist/.test(messageOf(error))) return undefined;
    throw awsError(error, `read stack ${nameOrId} (cloudformation:DescribeStacks)`);
  }
}

function toStack({
  StackId,
  StackName,
  StackStatus,
  StackStatusReason,
  Parameters,
  Outputs,
  CreationTime,
}: SdkStack): Stack {
  const pairs = (list: readonly (readonly [string | undefined, string | undefined])[]) =>
    Object.fromEntries(list.map(([key = '', value = '']) => [key, value]));
  return {
    id: StackId ?? '',
    name: StackName ?? '',
    status: StackStatus ?? '',
    ...(StackStatusReason && { reason: StackStatusReason }),
    parameters: pairs((Parameters ?? []).map((each) => [each.ParameterKey, each.ParameterValue])),
    outputs: pairs((Outputs ?? []).map((each) => [each.OutputKey, each.OutputValue])),
    ...(CreationTime && { createdAtMs: CreationTime.getTime() }),
  };
}

const source = (template: Template) =>
  'body' in template ? { TemplateBody: template.body } : { TemplateURL: template.url };

async function summarize(client: CloudFormationClient, template: Template) {
  try {
    const { Parameters = [], Capabilities = [] } = await client.send(
      new GetTemplateSummaryCommand(source(template)),
    );
    return {
      parameters: Parameters.map(({ ParameterKey = '', DefaultValue }) => ({
        name: ParameterKey,
        ...(DefaultValue !== undefined && { fallback: DefaultValue }),
      })),
      capabilities: Capabilities.map(String),
    };
  } catch (error) {
    throw refusal(error, 'read the template (cloudformation:GetTemplateSummary)');
  }
}

/** Keeps CloudFormation's message about a template or its parameters: the status alone suggests other causes. */
function refusal(error: unknown, what: string): ImgclsError {
  if (!hasCode(error, 'ValidationError')) return awsError(error, what);
  return new ImgclsError('config', `CloudFormation could not ${what}: ${messageOf(error)}`, {
    hint: 'Check the flags and the template. --parameter NAME=VALUE sets a parameter that has no flag.',
    cause: error,
  });
}

async function propose(
  client: CloudFormationClient,
  { stack, kind, name, template, parameters, capabilities }: ChangeSetRequest,
): Promise<ChangeSetRef | undefined> {
  const request: CreateChangeSetCommandInput = {
    StackName: stack,
    ChangeSetName: name,
    ChangeSetType: kind,
    ...source(template),
    Parameters: Object.entries(parameters).map(([ParameterKey, choice]) =>
      choice === 'previous'
        ? { ParameterKey, UsePreviousValue: true }
        : { ParameterKey, ParameterValue: choice.value },
    ),
    Capabilities: [...capabilities] as Capability[],
  };
  try {
    const { Id, StackId } = await client.send(new CreateChangeSetCommand(request));
    if (Id === undefined || StackId === undefined)
      throw new ImgclsError('transient', `CloudFormation returned no id for the change set of ${stack}.`);
    return { id: Id, stackId: StackId };
  } catch (error) {
    if (hasCode(error, 'ValidationError') && NOTHING_TO_CHANGE.test(messageOf(error))) return undefined;
    throw refusal(error, `plan the changes of stack ${stack} (cloudformation:CreateChangeSet)`);
  }
}

async function proposal(client: CloudFormationClient, changeSet: ChangeSetRef): Promise<ChangeSetView> {
  const changes: ResourceChange[] = [];
  let page: DescribeChangeSetCommandOutput;
  let token: string | undefined;
  do {
    const command = new DescribeChangeSetCommand({
      ...named(changeSet),
      ...(token !== undefined && { NextToken: token }),
    });
    page = await calling('read the change set (cloudformation:DescribeChangeSet)', undefined, () =>
      client.send(command),
    );
    changes.push(...(page.Changes ?? []).flatMap(toChange));
    token = page.NextToken;
  } while (token !== undefined);
  const { Status, StatusReason } = page;
  return { state: stateOf(Status, StatusReason), changes, ...(StatusReason && { reason: StatusReason }) };
}

function stateOf(status: string | undefined, reason = ''): ChangeSetView['state'] {
  if (status === 'CREATE_COMPLETE') return 'ready';
  if (status !== 'FAILED') return 'pending';
  return NOTHING_TO_CHANGE.test(reason) ? 'empty' : 'failed';
}

const REPLACEMENTS = { True: 'yes', False: 'no', Conditional: 'maybe' } as const;

function toChange({ ResourceChange: change }: Change): ResourceChange[] {
  if (change === undefined) return [];
  const { Action = '', LogicalResourceId = '', ResourceType = '', Replacement } = change;
  return [
    {
      action: Action,
      resource: LogicalResourceId,
      type: ResourceType,
      ...(Action === 'Modify' && Replacement && { replacement: REPLACEMENTS[Replacement] }),
    },
  ];
}

// The permissions of roles in the template, and the actions that SDK calls need.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { covers } from './places.ts';
import type { SdkCall } from './sdk-calls.ts';
import type { Resource } from './template.ts';

export interface Statement {
  Effect: 'Allow' | 'Deny';
  Action: string | string[];
  Resource: string | string[];
  Condition?: Record<string, Record<string, unknown>>;
}

export const listOf = <T>(value: T | T[]): T[] => (Array.isArray(value) ? value : [value]);

/** The statements of all policies of a role. */
export function statementsOf(resources: Readonly<Record<string, Resource>>, role: string): Statement[] {
  const attached: string[] = resources[role]?.Properties.ManagedPolicyArns ?? [];
  return Object.entries(resources)
    .filter(([name, { Type, Properties }]) => {
      if (Type !== 'AWS::IAM::Policy' && Type !== 'AWS::IAM::ManagedPolicy') return false;
      return attached.includes(`<${name}>`) || (Properties.Roles ?? []).includes(`<${role}>`);
    })
    .flatMap(([, { Properties }]) => Properties.PolicyDocument.Statement as Statement[]);
}

export const actionsOf = (statements: readonly Statement[]): Set<string> =>
  new Set(statements.flatMap(({ Action }) => listOf(Action)));

/** The policy for those who deploy. */
export function deployerStatements(): Statement[] {
  const file = path.join(import.meta.dirname, '../../../deploy/policies/deployer.json');
  return JSON.parse(readFileSync(file, 'utf8')).Statement;
}

/** Whether an action of a policy, with `*` for any text, is this one. */
export const isAction = (granted: string, action: string): boolean => covers(granted, action);

interface Needs {
  always: readonly string[];
  /** Additional actions when a field of the input is set. */
  with?: Readonly<Record<string, readonly string[]>>;
}

/** Without s3:ListBucket, S3 reports a missing object as denied. */
const READ = ['s3:GetObject', 's3:ListBucket'];

/** Calls whose actions have other names. */
const NEEDS: Readonly<Record<string, Needs>> = {
  's3 GetObject': { always: READ },
  's3 HeadObject': { always: READ },
  's3 HeadBucket': { always: ['s3:ListBucket'] },
  's3 ListObjectsV2': { always: ['s3:ListBucket'] },
  // A put that replaces only a certain version also needs the permission to read it.
  's3 PutObject': { always: ['s3:PutObject'], with: { IfMatch: ['s3:GetObject'] } },
  's3 CopyObject': { always: [...READ, 's3:PutObject'] },
  's3 DeleteObject': { always: ['s3:DeleteObject'] },
  's3 DeleteObjects': { always: ['s3:DeleteObject'] },
  's3 CreateBucket': { always: ['s3:CreateBucket'] },
  's3 DeleteBucket': { always: ['s3:DeleteBucket'] },
  's3 AbortMultipartUpload': { always: ['s3:AbortMultipartUpload'] },
  's3 ListMultipartUploads': { always: ['s3:ListBucketMultipartUploads'] },
  // Who lists versions deletes them.
  's3 ListObjectVersions': { always: ['s3:ListBucketVersions', 's3:DeleteObjectVersion'] },
  'sts GetCallerIdentity': { always: [] },
  'lambda Invoke': { always: ['lambda:InvokeFunction'] },
  'ec2 RunInstances': {
    always: ['ec2:RunInstances'],
    with: { TagSpecifications: ['ec2:CreateTags'], LaunchTemplate: ['iam:PassRole'] },
  },
  'ec2 CreateFleet': {
    always: ['ec2:CreateFleet', 'ec2:RunInstances', 'iam:CreateServiceLinkedRole'],
    with: { TagSpecifications: ['ec2:CreateTags'], LaunchTemplateConfigs: ['iam:PassRole'] },
  },
};

/** IAM names of services whose actions have the names of the calls. */
const SERVICES: Readonly<Record<string, string>> = {
  ec2: 'ec2',
  sqs: 'sqs',
  'auto-scaling': 'autoscaling',
  'secrets-manager': 'secretsmanager',
  lambda: 'lambda',
  cloudformation: 'cloudformation',
  iam: 'iam',
  'service-quotas': 'servicequotas',
};

/** The actions that a call needs. @throws for a call that is not listed here. */
export function actionsFor({ name, fields }: SdkCall): string[] {
  const needs = NEEDS[name];
  if (needs !== undefined) {
    const besides = Object.entries(needs.with ?? {}).filter(([field]) => fields.has(field));
    return [...needs.always, ...besides.flatMap(([, actions]) => actions)];
  }
  const [client = '', command = ''] = name.split(' ');
  const service = SERVICES[client];
  if (service === undefined)
    throw new Error(`Unknown actions of ${name}. Add them to ${import.meta.filename}.`);
  // A batch call needs the same permission as a single one.
  return [`${service}:${command.replace(/Batch$/, '')}`];
}

/**
 * The differences between calls and grants, as text.
 * @param besides actions that other programs on the instance need.
 */
export function differences(
  calls: readonly SdkCall[],
  granted: ReadonlySet<string>,
  besides: readonly string[] = [],
): string[] {
  const needed = new Map(besides.map((action) => [action, 'another program']));
  for (const call of calls)
    for (const action of actionsFor(call)) needed.set(action, `${call.name}: ${call.path.join(' > ')}`);
  const missing = [...needed].filter(([action]) => !granted.has(action));
  const unused = [...granted].filter((action) => !needed.has(action));
  return [
    ...missing.map(([action, by]) => `${action} is needed and not granted (${by})`),
    ...unused.map((action) => `${action} is granted and never used`),
  ];
}

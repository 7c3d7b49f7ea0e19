// Checks requests to AWS against the actions and resources of policies. Other tests check conditions.

import type { ProxiedRequest } from '../../contract/fault-proxy.ts';
import { covers } from './places.ts';
import { listOf, type Statement } from './policies.ts';

interface Need {
  action: string;
  /** As the policies of the template name it; undefined when the request does not contain it. */
  resource?: string;
}

const FUNCTION_CALL = /^\/2015-03-31\/functions\/([^/]+)\/invocations/;
/** Their resources in policies, by name. */
const FUNCTIONS: Readonly<Record<string, string>> = {
  'imgcls-default-controller': '<ControllerFunction.Arn>',
};

/** @param buckets their resources in policies, by name. */
export function needsOf(request: ProxiedRequest, buckets: Readonly<Record<string, string>>): Need[] {
  const target = String(request.headers['x-amz-target'] ?? '');
  if (target.startsWith('AmazonSQS.')) return [needOfQueue(target, JSON.parse(request.body.toString()))];
  const [, called] = FUNCTION_CALL.exec(request.path) ?? [];
  if (called !== undefined)
    return [{ action: 'lambda:InvokeFunction', resource: FUNCTIONS[called] ?? called }];
  const action = request.form?.get('Action');
  return action ? [{ action: `ec2:${action}` }] : needsOfBucket(request, buckets);
}

function needOfQueue(
  target: string,
  { QueueName, QueueUrl = '' }: { QueueName?: string; QueueUrl?: string },
): Need {
  const action = `sqs:${target.replace(/^AmazonSQS\.|Batch$/g, '')}`;
  const name = QueueName ?? QueueUrl.slice(QueueUrl.lastIndexOf('/') + 1);
  return { action, resource: name === '' ? '*' : `arn:aws:sqs:us-east-1:123456789012:${name}` };
}

const VERBS: Readonly<Record<string, string>> = {
  GET: 's3:GetObject',
  HEAD: 's3:GetObject',
  PUT: 's3:PutObject',
};

function needsOfBucket(
  { method, path, headers, body }: ProxiedRequest,
  buckets: Readonly<Record<string, string>>,
): Need[] {
  const { pathname, searchParams } = new URL(path, 'http://localhost');
  const [, name = '', key = ''] = /^\/([^/]+)\/?(.*)$/.exec(decodeURIComponent(pathname)) ?? [];
  const bucket = buckets[name] ?? name;
  if (method === 'POST' && searchParams.has('delete'))
    return [...body.toString().matchAll(/<Key>([^<]+)<\/Key>/g)].map(([, each]) => ({
      action: 's3:DeleteObject',
      resource: `${bucket}/${each}`,
    }));
  if (key === '') return [{ action: 's3:ListBucket', resource: bucket }];
  const resource = `${bucket}/${key}`;
  const isRead = method === 'PUT' && (headers['if-match'] ?? headers['x-amz-copy-source']) !== undefined;
  return [
    { action: VERBS[method] ?? `s3:${method}`, resource },
    ...(isRead ? [{ action: 's3:GetObject', resource }] : []),
  ];
}

export const allows = (statements: readonly Statement[], { action, resource }: Need): boolean =>
  statements.some(
    ({ Action, Resource }) =>
      listOf(Action).includes(action) &&
      (resource === undefined || listOf(Resource).some((granted) => covers(granted, resource))),
  );

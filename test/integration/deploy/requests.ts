// Checks requests to AWS against the actions and resources of policies. Other tests check conditions.

import type { ProxiedRequest } from '../../contract/fault-proxy.ts';
import { covers } from './places.ts';
import { isAction, listOf, type Statement } from './policies.ts';

export interface Need {
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
  const { service } = signatureOf(request);
  if (service === 's3') return needsOfBucket(request, buckets);
  const action = request.action.split('.').at(-1) || CALLS_WITHOUT_NAME[request.path];
  return action === 'GetCallerIdentity' ? [] : [{ action: `${service}:${action}`, ...stackOf(request) }];
}

/** The access key of a request, and the service as IAM names it: both are in the signature, of the headers or of the address. */
export function signatureOf({ headers, path }: Pick<ProxiedRequest, 'headers' | 'path'>) {
  const signature = headers.authorization ?? decodeURIComponent(path);
  const [, key = '', service = ''] = /Credential=([^/]+)\/\d+\/[^/]+\/([\w-]+)\//.exec(signature) ?? [];
  return { key, service: service === 'monitoring' ? 'cloudwatch' : service };
}

const CALLS_WITHOUT_NAME: Readonly<Record<string, string>> = {
  '/2016-08-19/account-settings': 'GetAccountSettings',
};

/** The stack of a request of CloudFormation. */
function stackOf({ form }: ProxiedRequest): Pick<Need, 'resource'> {
  const stack = form?.get('StackName');
  if (stack == null) return {};
  const arn = `arn:aws:cloudformation:us-east-1:123456789012:stack/${stack}/id`;
  return { resource: stack.startsWith('arn:') ? stack : arn };
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
  const bucket = buckets[name] ?? `arn:aws:s3:::${name}`;
  if (method === 'POST' && searchParams.has('delete'))
    return [...body.toString().matchAll(/<Key>([^<]+)<\/Key>/g)].map(([, each]) => ({
      action: 's3:DeleteObject',
      resource: `${bucket}/${each}`,
    }));
  if (key === '') return [{ action: actionOnBucket(method, searchParams), resource: bucket }];
  const resource = `${bucket}/${key}`;
  const isRead = method === 'PUT' && (headers['if-match'] ?? headers['x-amz-copy-source']) !== undefined;
  return [
    { action: VERBS[method] ?? `s3:${method}`, resource },
    ...(isRead ? [{ action: 's3:GetObject', resource }] : []),
  ];
}

function actionOnBucket(method: string, parameters: URLSearchParams): string {
  if (method === 'PUT') return 's3:CreateBucket';
  if (method === 'DELETE') return 's3:DeleteBucket';
  if (parameters.has('versions')) return 's3:ListBucketVersions';
  return parameters.has('uploads') ? 's3:ListBucketMultipartUploads' : 's3:ListBucket';
}

export const allows = (statements: readonly Statement[], { action, resource }: Need): boolean =>
  statements.some(
    ({ Action, Resource }) =>
      listOf(Action).some((granted) => isAction(granted, action)) &&
      (resource === undefined || listOf(Resource).some((granted) => covers(granted, resource))),
  );

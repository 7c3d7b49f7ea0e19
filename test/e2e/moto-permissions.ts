/**
 * Users of moto's IAM that may do what the roles of a stack may, and moto made to hold them to it. moto looks at actions
 * alone: which objects, queues and instances a role may touch is held by test/integration/deploy/requests.test.ts.
 */
import {
  CreateAccessKeyCommand,
  CreateUserCommand,
  IAMClient,
  PutUserPolicyCommand,
} from '@aws-sdk/client-iam';
import { listOf, statementsOf } from '../integration/deploy/policies.ts';
import { readTemplate, resourcesWith, SUBMITTERS } from '../integration/deploy/template.ts';

export interface AccessKey {
  accessKeyId: string;
  secretAccessKey: string;
}

export interface Enforced {
  /** A user a role, in the order of the roles. */
  users: AccessKey[];
  /** May do everything. */
  administrator: AccessKey;
  /** Ends it. */
  lift(): Promise<void>;
}

/** @param roles by their names in the template. */
export async function enforcePolicies(motoUrl: string, roles: readonly string[]): Promise<Enforced> {
  const iam = new IAMClient({ endpoint: motoUrl });
  try {
    const resources = resourcesWith(readTemplate(), SUBMITTERS);
    const users: AccessKey[] = [];
    for (const role of roles) {
      const actions = statementsOf(resources, role).flatMap(({ Action }) => listOf(Action));
      users.push(await makeUser(iam, role, actions.flatMap(asMotoCallsIt)));
    }
    const administrator = await makeUser(iam, 'administrator', ['*']);
    await letRequestsPass(motoUrl, 0);
    return { users, administrator, lift: () => letRequestsPass(motoUrl, Number.POSITIVE_INFINITY) };
  } finally {
    iam.destroy();
  }
}

/** moto asks of nobody who may do what before so many requests were made. */
async function letRequestsPass(motoUrl: string, count: number): Promise<void> {
  const body = count === Number.POSITIVE_INFINITY ? 'inf' : String(count);
  const answer = await fetch(`${motoUrl}/moto-api/reset-auth`, { method: 'POST', body });
  if (!answer.ok) throw new Error(`moto does not change its mind: ${await answer.text()}`);
}

async function makeUser(iam: IAMClient, name: string, Action: readonly string[]): Promise<AccessKey> {
  const UserName = `like-${name}`;
  await iam.send(new CreateUserCommand({ UserName }));
  await iam.send(
    new PutUserPolicyCommand({
      UserName,
      PolicyName: 'all',
      PolicyDocument: JSON.stringify({
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Action, Resource: '*' }],
      }),
    }),
  );
  const { AccessKey: key } = await iam.send(new CreateAccessKeyCommand({ UserName }));
  return { accessKeyId: key?.AccessKeyId ?? '', secretAccessKey: key?.SecretAccessKey ?? '' };
}

/** To IAM the batches of SQS are what they are made of, and who may list a bucket may ask for it; moto has names of its own. */
function asMotoCallsIt(action: string): string[] {
  if (action === 's3:ListBucket') return [action, 's3:HeadBucket'];
  return action.startsWith('sqs:') ? [action, `${action}Batch`] : [action];
}

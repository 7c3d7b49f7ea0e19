import { GetRoleCommand, IAMClient, SimulatePrincipalPolicyCommand } from '@aws-sdk/client-iam';
import type { Permission, Permissions } from '../core/aws-account/account.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import { type SdkClientOptions, smallRequests } from './clients.ts';
import { calling } from './retry.ts';

/** Finds missing permissions with IAM's policy simulator; `end` closes the connections. */
export function createPermissions(options: SdkClientOptions): Permissions & { end(): void } {
  const client = new IAMClient(smallRequests(options));
  return {
    async lacking(callerArn, permissions) {
      if (/:root$/.test(callerArn)) return [];
      const PolicySourceArn = await principalOf(client, callerArn);
      const lacking: Permission[] = [];
      // One resource a request: the simulator checks every action on every resource of a request.
      for (const [resource, some] of Map.groupBy(permissions, (each) => each.resource)) {
        const command = new SimulatePrincipalPolicyCommand({
          PolicySourceArn,
          ActionNames: some.map(({ action }) => action),
          ResourceArns: [resource],
        });
        const { EvaluationResults = [] } = await calling(
          'simulate policies (iam:SimulatePrincipalPolicy)',
          undefined,
          () => client.send(command),
        );
        const allowed = EvaluationResults.filter(({ EvalDecision }) => EvalDecision === 'allowed');
        lacking.push(...some.filter(({ action }) => !allowed.some((each) => each.EvalActionName === action)));
      }
      return lacking;
    },
    end: () => client.destroy(),
  };
}

/** Policies belong to the role. The ARN of its session lacks the role's path, so look the role up. */
async function principalOf(client: IAMClient, arn: string): Promise<string> {
  const role = /:assumed-role\/([^/]+)\//.exec(arn)?.[1];
  if (role === undefined) return arn;
  const { Role } = await calling(`look up role ${role} (iam:GetRole)`, undefined, () =>
    client.send(new GetRoleCommand({ RoleName: role })),
  );
  if (Role?.Arn === undefined) throw new ImgclsError('transient', `IAM returned no ARN for role ${role}.`);
  return Role.Arn;
}

import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import type { Caller } from '../core/aws-account/account.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import { type SdkClientOptions, smallRequests } from './clients.ts';
import { calling } from './retry.ts';

/** The region of AWS's own settings; undefined if they have none. Makes no request. */
export async function usualRegion(): Promise<string | undefined> {
  const client = new STSClient(smallRequests({}));
  try {
    return await client.config.region();
  } catch {
    return undefined;
  } finally {
    client.destroy();
  }
}

/** The access key and region of AWS's own settings, without asking STS whose they are. */
export async function ownAccessKey(): Promise<{ accessKeyId: string; region: string }> {
  const client = new STSClient(smallRequests());
  try {
    return await calling('find credentials', undefined, async () => {
      const region = await client.config.region();
      const { accessKeyId } = await client.config.credentials();
      return { accessKeyId, region };
    });
  } finally {
    client.destroy();
  }
}

/** The account and identity of the credentials, their region, and the time of AWS's clock. Needs no permission. */
export async function whoAmI(options: SdkClientOptions): Promise<Caller> {
  const client = new STSClient(smallRequests(options));
  let serverMs: number | undefined;
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const { headers } = result.response as { headers?: Record<string, string> };
      const dateMs = Date.parse(headers?.date ?? '');
      if (!Number.isNaN(dateMs)) serverMs = dateMs;
      return result;
    },
    { step: 'deserialize', name: 'serverDate', priority: 'low' },
  );
  try {
    return await calling('identify the credentials (sts:GetCallerIdentity)', undefined, async () => {
      const region = await client.config.region();
      const { Account, Arn } = await client.send(new GetCallerIdentityCommand({}));
      if (Account === undefined || Arn === undefined)
        throw new ImgclsError('transient', "AWS's response about the credentials is incomplete.");
      return { account: Account, arn: Arn, region, ...(serverMs !== undefined && { serverMs }) };
    });
  } finally {
    client.destroy();
  }
}

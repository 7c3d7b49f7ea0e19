import {
  GetAWSDefaultServiceQuotaCommand,
  GetServiceQuotaCommand,
  ServiceQuotasClient,
} from '@aws-sdk/client-service-quotas';
import { type Quotas, VCPU_QUOTAS } from '../core/aws-account/account.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import { type SdkClientOptions, smallRequests } from './clients.ts';
import { awsError, hasCode } from './errors.ts';

/** The account's quotas of EC2; `end` closes the connections. */
export function createQuotas(options: SdkClientOptions): Quotas & { end(): void } {
  const client = new ServiceQuotasClient(smallRequests(options));
  return {
    async standardVcpus(market) {
      const which = { ServiceCode: 'ec2', QuotaCode: VCPU_QUOTAS[market] };
      try {
        const { Quota } = await client
          .send(new GetServiceQuotaCommand(which))
          // A quota that was never changed may exist only as the default.
          .catch((error: unknown) => {
            if (!hasCode(error, 'NoSuchResourceException')) throw error;
            return client.send(new GetAWSDefaultServiceQuotaCommand(which));
          });
        if (Quota?.Value === undefined)
          throw new ImgclsError('transient', `AWS returned no value for quota ${which.QuotaCode}.`);
        return Quota.Value;
      } catch (error) {
        throw awsError(error, `read quota ${which.QuotaCode} (servicequotas:GetServiceQuota)`);
      }
    },
    end: () => client.destroy(),
  };
}

import { STSClient } from '@aws-sdk/client-sts';
import { createS3Client, smallRequests } from './clients.ts';

export interface Endpoints {
  s3?: string;
  sts?: string;
}

/**
 * The servers that AWS's own settings name (AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_S3, the profile). Requests to a service
 * without one go to AWS. Makes no request.
 */
export async function configuredEndpoints(): Promise<Endpoints> {
  const clients = { s3: createS3Client(), sts: new STSClient(smallRequests()) };
  try {
    const s3 = await clients.s3.config.serviceConfiguredEndpoint?.();
    const sts = await clients.sts.config.serviceConfiguredEndpoint?.();
    return { ...(s3 !== undefined && { s3 }), ...(sts !== undefined && { sts }) };
  } finally {
    clients.s3.destroy();
    clients.sts.destroy();
  }
}

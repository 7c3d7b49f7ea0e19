import type { Store } from '../core/cloud/ports.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import type { RunSettings } from './settings.ts';

/** An S3 bucket that jobs on one machine may read images from. Loads the AWS SDK at the first read. */
export function readOnlyBucket(bucket: string, { requestPayer }: Pick<RunSettings, 'requestPayer'>): Store {
  let opened: Promise<Store> | undefined;
  const s3 = (): Promise<Store> => {
    opened ??= import('../aws/cloud.ts').then(({ openBucket }) => openBucket(bucket, { requestPayer }));
    return opened;
  };
  const refuse = async (): Promise<never> => {
    throw new ImgclsError('permanent', `Cannot write to bucket ${bucket}: it was opened read-only.`);
  };
  return {
    bucket,
    head: async (...args) => (await s3()).head(...args),
    get: async (...args) => (await s3()).get(...args),
    getStream: async (...args) => (await s3()).getStream(...args),
    async *list(...args) {
      yield* (await s3()).list(...args);
    },
    async *listFolders(...args) {
      yield* (await s3()).listFolders(...args);
    },
    put: refuse,
    refresh: refuse,
    delete: refuse,
  };
}

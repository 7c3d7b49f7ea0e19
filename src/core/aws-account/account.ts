/** What a deployment needs of an AWS account besides CloudFormation. Implemented in src/aws. */

/** Tags of the machine images that `imgcls ami build` makes. */
export const IMAGE_TAG = { key: 'imgcls:image', worker: 'worker' } as const;
export const VERSION_TAG = 'imgcls:version';

export interface WorkerImage {
  id: string;
  architecture: string;
  createdAtMs: number;
  /** Version of imgcls in the image. */
  version?: string;
  /** Snapshots of its disks. They remain when the image is deregistered. */
  snapshots: string[];
}

export interface WorkerImages {
  /** The worker images of the account, newest first. */
  list(): Promise<WorkerImage[]>;
}

export interface ScalingGroups {
  /** Sets a group's sizes to 0, so that it launches nothing. @returns its instances. */
  close(name: string): Promise<string[]>;
}

export interface Buckets {
  /** Counts objects with all their versions, up to `most`. Undefined if there is no such bucket. */
  count(name: string, most: number): Promise<number | undefined>;
  /** Deletes every version of every object, and unfinished uploads. A missing bucket is empty. */
  empty(name: string, onProgress: (deleted: number) => void, signal?: AbortSignal): Promise<void>;
  /** Deletes the bucket itself, if it exists. */
  remove(name: string): Promise<void>;
}

export interface AssetStore {
  /**
   * Puts an object under a key that has its digest into a bucket of this account, which it creates if it is missing.
   * @throws {ImgclsError} if the bucket is another account's, or if other bytes are under the key.
   */
  put(asset: {
    bucket: string;
    key: string;
    bytes: Uint8Array;
    owner: string;
    region: string;
  }): Promise<'stored' | 'was there'>;
  /** An address at which a reader without permissions can download one object for a limited time. */
  url(object: { bucket: string; key: string; expiresInSeconds: number }): Promise<string>;
}

export interface Volumes {
  /** The customer key with which the account encrypts volumes by default. Undefined: a key of AWS does. */
  customerKey(): Promise<string | undefined>;
}

export interface Functions {
  /** Whether the account can reserve one concurrent execution for a function. False if that cannot be read. */
  canReserveOne(): Promise<boolean>;
}

export interface Secrets {
  /** When a deleted secret is gone for good. Undefined if it is gone already, or was not deleted. */
  goneAtMs(id: string): Promise<number | undefined>;
}

export interface Caller {
  account: string;
  arn: string;
  region: string;
  /** AWS's clock at its response. */
  serverMs?: number;
}

export interface Permission {
  action: string;
  /** ARN. */
  resource: string;
}

export interface Permissions {
  /** The permissions that the identity lacks, by its policies. @throws {ImgclsError} if it may not ask. */
  lacking(callerArn: string, permissions: readonly Permission[]): Promise<Permission[]>;
}

/** Codes of "All Standard Spot Instance Requests" and "Running On-Demand Standard instances", in vCPUs. */
export const VCPU_QUOTAS = { spot: 'L-34B43A08', 'on-demand': 'L-1216C47A' } as const;

export interface Quotas {
  /** Maximum number of vCPUs of running standard instances (families a, c, d, h, i, m, r, t, z) in the region. */
  standardVcpus(market: 'on-demand' | 'spot'): Promise<number>;
}

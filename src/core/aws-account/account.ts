/** What a deployment asks of an AWS account besides CloudFormation, in plain words; src/aws speaks it to AWS. */

/** Tags of the machine images that `imgcls ami build` makes. */
export const IMAGE_TAG = { key: 'imgcls:image', worker: 'worker' } as const;
export const VERSION_TAG = 'imgcls:version';

export interface WorkerImage {
  id: string;
  architecture: string;
  createdAtMs: number;
  /** Of the imgcls in it. */
  version?: string;
  /** What its disks are kept in; they stay when the image is deregistered. */
  snapshots: string[];
}

export interface WorkerImages {
  /** The account's own, newest first. */
  list(): Promise<WorkerImage[]>;
}

export interface Subnet {
  id: string;
  vpc: string;
  zone: string;
}

export interface Network {
  defaultVpc(): Promise<string | undefined>;
  subnetsOf(vpc: string): Promise<Subnet[]>;
  /** @throws {ImgclsError} where one of them is not there. */
  subnets(ids: readonly string[]): Promise<Subnet[]>;
  /** Those from which a machine without a public address reaches nothing outside: no route but one to an internet gateway. */
  withoutWayOut(vpc: string, subnets: readonly string[]): Promise<string[]>;
  /** The route tables that decide where packets of these subnets go. */
  routeTables(vpc: string, subnets: readonly string[]): Promise<string[]>;
  /** Services with an endpoint in the VPC: `s3`, `sqs`. */
  endpoints(vpc: string): Promise<string[]>;
}

export interface ScalingGroups {
  /** Sets a group's sizes to 0, so that nothing is launched any more. @returns its instances. */
  close(name: string): Promise<string[]>;
}

export interface Buckets {
  /** Counts objects with all their versions; stops at `most`, and is then not exact. Undefined where there is no bucket. */
  count(name: string, most: number): Promise<number | undefined>;
  /** Deletes every version of every object, and uploads that were not finished. A bucket that is not there is empty. */
  empty(name: string, onProgress: (deleted: number) => void, signal?: AbortSignal): Promise<void>;
  /** Deletes the bucket itself, where it is there. */
  remove(name: string): Promise<void>;
}

export interface Secrets {
  /** When a deleted secret is gone for good; undefined where it is gone already, or was not deleted. */
  goneAtMs(id: string): Promise<number | undefined>;
}

export interface Caller {
  account: string;
  arn: string;
  region: string;
  /** By AWS's clock, when it answered. */
  serverMs?: number;
}

export interface Permission {
  action: string;
  /** ARN. */
  resource: string;
}

export interface Permissions {
  /** Those that the identity lacks, going by its policies. @throws {ImgclsError} where it may not ask. */
  lacking(callerArn: string, permissions: readonly Permission[]): Promise<Permission[]>;
}

export interface Quotas {
  /** vCPUs of running standard instances (families a, c, d, h, i, m, r, t, z) that the account may have in the region. */
  standardVcpus(market: 'on-demand' | 'spot'): Promise<number>;
}

/** The calls of EC2 that a fleet needs. Implemented in src/aws/ec2.ts. */
import type { Attached } from '../money/prices.ts';

export type Market = 'spot' | 'on-demand';

export interface Ec2Instance {
  id: string;
  state: 'pending' | 'running' | 'stopping' | 'stopped' | 'shutting-down' | 'terminated';
  type: string;
  /** Absent if EC2 does not say. */
  image?: string;
  zone: string;
  market: Market;
  /** Time of the last start. */
  launchedAtMs: number;
  tags: Readonly<Record<string, string>>;
  /** Why EC2 changed its state, such as "Client.InstanceInitiatedShutdown: Instance initiated shutdown". */
  stateReason?: string;
}

/** A source of capacity. Absent values are those of the launch template. */
export interface Pool {
  instanceType?: string;
  subnet?: string;
  /** Of the subnet, if it is known. */
  zone?: string;
  /** Lower ones are launched first, as far as there is capacity. Absent: AWS chooses by price and capacity. */
  priority?: number;
}

export interface Ec2Launch {
  /** Client token: repeated requests with the same token launch once. At most 64 ASCII characters. */
  token: string;
  /** Name or id of a launch template, or either with `:VERSION`. */
  template: string;
  pools: readonly Pool[];
  onDemand: number;
  spot: number;
  tags: Readonly<Record<string, string>>;
}

/** A pool that did not launch all requested instances. */
export interface Refusal {
  /** Undefined if the response names none. */
  pool?: Pool;
  /** Undefined if the response names none. */
  market?: Market;
  /** A limit of the account refuses: fewer instances may be within it. */
  ofAccount?: true;
  code: string;
  why: string;
  /** It may succeed later or in another pool. */
  mayPass: boolean;
}

export interface TypeInfo {
  type: string;
  architectures: readonly string[];
  memoryBytes: number;
  /** Absent if EC2 does not report it. */
  vCpus?: number;
}

/** What a spot instance costs in US dollars an hour, by its market: without disk and address. */
export interface SpotPrice {
  type: string;
  zone: string;
  usd: number;
}

export interface TemplateInfo {
  instanceType?: string;
  imageId?: string;
  /** Disks that the template names, and the public address that it asks for. */
  attached?: Attached;
}

/**
 * All calls throw {@link ImgclsError}s; those that change several instances throw {@link InstancesError}s. Instances that are
 * gone, or not yet visible, are skipped without an error.
 */
export interface Ec2 {
  /** Every instance with the tag, including terminated ones while EC2 lists them. */
  describe(tag: { key: string; value: string }): Promise<Ec2Instance[]>;
  launch(launch: Ec2Launch): Promise<{ started: string[]; refusals: Refusal[] }>;
  tag(ids: readonly string[], tags: Readonly<Record<string, string>>): Promise<void>;
  untag(ids: readonly string[], keys: readonly string[]): Promise<void>;
  terminate(ids: readonly string[]): Promise<void>;
  stop(ids: readonly string[]): Promise<void>;
  /** @returns the instances that start. EC2 refuses the others, or has no capacity for them. @throws if it refuses all. */
  start(ids: readonly string[]): Promise<string[]>;
  types(names: readonly string[]): Promise<TypeInfo[]>;
  /** Which of these types EC2 offers, by zone. Unknown ones are left out. */
  offerings(names: readonly string[]): Promise<{ type: string; zone: string }[]>;
  /** Of Linux, at this time (wall clock). Those of types and zones without a spot market are left out. */
  spotPrices(names: readonly string[], atMs: number): Promise<SpotPrice[]>;
  /** The zones of subnets. */
  zonesOf(subnets: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** Of one instance, with the delay that EC2 has. */
  consoleOutput(id: string): Promise<string>;
  template(name: string): Promise<TemplateInfo>;
  /** Architecture of a machine image. Undefined if the account cannot see it. */
  imageArchitecture(imageId: string): Promise<string | undefined>;
}

export interface LaunchRehearsal {
  /** Checks the launch with a dry run. @throws {ImgclsError} if it would be refused. */
  rehearse(launch: Ec2Launch): Promise<void>;
}

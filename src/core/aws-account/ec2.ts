/** The few verbs of EC2 that a fleet needs, in plain words; src/aws/ec2.ts speaks them to AWS. */

export type Market = 'spot' | 'on-demand';

export interface Ec2Instance {
  id: string;
  state: 'pending' | 'running' | 'stopping' | 'stopped' | 'shutting-down' | 'terminated';
  type: string;
  zone: string;
  market: Market;
  /** Of the last start. */
  launchedAtMs: number;
  tags: Readonly<Record<string, string>>;
}

/** Where capacity may be found; what is left out is the launch template's. */
export interface Pool {
  instanceType?: string;
  subnet?: string;
}

export interface Ec2Launch {
  /** The same request under the same token launches once. At most 64 ASCII characters. */
  token: string;
  /** Name or id of a launch template, or either with `:VERSION`. */
  template: string;
  pools: readonly Pool[];
  onDemand: number;
  spot: number;
  tags: Readonly<Record<string, string>>;
}

/** A pool that gave less than it was asked for. */
export interface Refusal {
  /** Undefined where the answer names none. */
  pool?: Pool;
  code: string;
  why: string;
  /** Another time, or in another pool, it may succeed. */
  mayPass: boolean;
}

export interface TypeInfo {
  type: string;
  architectures: readonly string[];
  memoryBytes: number;
  /** Absent where EC2 does not say. */
  vCpus?: number;
}

export interface TemplateInfo {
  instanceType?: string;
  imageId?: string;
}

/** All throw {@link ImgclsError}s; instances that are not there, or not yet to be seen, count as done with. */
export interface Ec2 {
  /** Every instance that carries the tag, terminated ones included as long as EC2 tells of them. */
  describe(tag: { key: string; value: string }): Promise<Ec2Instance[]>;
  launch(launch: Ec2Launch): Promise<{ started: string[]; refusals: Refusal[] }>;
  tag(ids: readonly string[], tags: Readonly<Record<string, string>>): Promise<void>;
  untag(ids: readonly string[], keys: readonly string[]): Promise<void>;
  terminate(ids: readonly string[]): Promise<void>;
  stop(ids: readonly string[]): Promise<void>;
  /** @returns those that start; the others EC2 has no capacity for. */
  start(ids: readonly string[]): Promise<string[]>;
  types(names: readonly string[]): Promise<TypeInfo[]>;
  template(name: string): Promise<TemplateInfo>;
  /** Architecture of a machine image; undefined where it may not be seen. */
  imageArchitecture(imageId: string): Promise<string | undefined>;
}

export interface LaunchRehearsal {
  /** Asks for the launch and has none. @throws {ImgclsError} where it would be refused. */
  rehearse(launch: Ec2Launch): Promise<void>;
}

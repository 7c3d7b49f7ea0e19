/** The calls of EC2 that building machine images needs. Implemented in src/aws/ec2-images.ts. */

import type { WorkerImage, WorkerImages } from './account.ts';

export const ARCHITECTURES = ['x86_64', 'arm64'] as const;
export type Architecture = (typeof ARCHITECTURES)[number];

/** Where a builder runs. */
export interface BuilderNetwork {
  subnet: string;
  /** Security group. */
  group: string;
  /** Whether it needs a public address, which it has while it runs. */
  hasPublicAddress: boolean;
}

export interface BuilderLaunch {
  /** Client token: repeated requests with the same token launch once. At most 64 ASCII characters. */
  token: string;
  architecture: Architecture;
  instanceType: string;
  network: BuilderNetwork;
  /** A script that powers the machine off at its end, which stops the instance. */
  userData: string;
}

export interface Builder {
  id: string;
  launchedAtMs: number;
}

export type BuilderState = 'pending' | 'running' | 'stopping' | 'stopped' | 'shutting-down' | 'terminated';

export interface NewImage {
  name: string;
  architecture: Architecture;
  version: string;
}

export interface MachineImageState {
  state: 'pending' | 'available' | 'failed';
  /** Why it failed. */
  why?: string;
  snapshots: string[];
}

/** All calls throw {@link ImgclsError}s. */
export interface Ec2Images extends WorkerImages {
  /** The security group of builders in a VPC, without ingress. Creates it if it is missing. */
  builderGroup(vpc: string): Promise<string>;
  /** Deletes the security groups of builders in all VPCs. @returns their ids. */
  removeBuilderGroups(): Promise<string[]>;
  /** Launches a machine with the newest Amazon Linux 2023. @returns its id. */
  launchBuilder(launch: BuilderLaunch): Promise<string>;
  /** Builders of any build that are not terminated. */
  builders(): Promise<Builder[]>;
  /** Undefined until EC2 shows it. */
  builderState(id: string): Promise<BuilderState | undefined>;
  /** The end of its console output, with the delay that EC2 has. */
  consoleOutput(id: string): Promise<string>;
  /** A missing instance is no error. */
  terminate(id: string): Promise<void>;
  /** @returns the id of the image, which becomes available later. */
  createImage(builder: string, image: NewImage): Promise<string>;
  imageState(id: string): Promise<MachineImageState>;
  /** Ids of the images that the newest or default version of any launch template names. */
  used(): Promise<Set<string>>;
  /** Deregisters the image and deletes its snapshots. Missing ones are no error. */
  remove(image: Pick<WorkerImage, 'id' | 'snapshots'>): Promise<void>;
}

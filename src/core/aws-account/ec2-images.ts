/** The few verbs of EC2 that making machine images takes, in plain words; src/aws/ec2-images.ts speaks them to AWS. */

import type { WorkerImage, WorkerImages } from './account.ts';

export const ARCHITECTURES = ['x86_64', 'arm64'] as const;
export type Architecture = (typeof ARCHITECTURES)[number];

export interface BuilderLaunch {
  /** The same request under the same token launches once. At most 64 ASCII characters. */
  token: string;
  architecture: Architecture;
  instanceType: string;
  /** Else one of the default VPC. */
  subnet?: string;
  /** A script that powers the machine off when it is done, which stops it. */
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
  /** What made it fail. */
  why?: string;
  snapshots: string[];
}

/** All throw {@link ImgclsError}s. */
export interface Ec2Images extends WorkerImages {
  /** Starts a machine with the newest Amazon Linux 2023. @returns its id. */
  launchBuilder(launch: BuilderLaunch): Promise<string>;
  /** Those that are not terminated, of whatever build. */
  builders(): Promise<Builder[]>;
  /** Undefined while EC2 does not know it yet. */
  builderState(id: string): Promise<BuilderState | undefined>;
  /** What it has written to its console, as far as EC2 has it: the end of it, and late. */
  consoleOutput(id: string): Promise<string>;
  /** One that is gone is no error. */
  terminate(id: string): Promise<void>;
  /** @returns the id of the image, which is not there at once. */
  createImage(builder: string, image: NewImage): Promise<string>;
  imageState(id: string): Promise<MachineImageState>;
  /** Ids of the images that the newest or default version of any launch template names. */
  used(): Promise<Set<string>>;
  /** Deregisters it and deletes its snapshots. What is gone is no error. */
  remove(image: Pick<WorkerImage, 'id' | 'snapshots'>): Promise<void>;
}

import type { WorkerImage } from '../../../src/core/aws-account/account.ts';
import type {
  BuilderLaunch,
  BuilderState,
  Ec2Images,
  MachineImageState,
  NewImage,
} from '../../../src/core/aws-account/ec2-images.ts';

/** A fake EC2 with one builder, whose state advances with each request for it. */
export class FakeEc2Images implements Ec2Images {
  launched: BuilderLaunch[] = [];
  terminated: string[] = [];
  made: NewImage[] = [];
  removed: Pick<WorkerImage, 'id' | 'snapshots'>[] = [];
  /** The next states. The last one stays. */
  states: (BuilderState | undefined)[] = ['pending', 'running', 'stopping', 'stopped'];
  imageStates: MachineImageState[] = [
    { state: 'pending', snapshots: ['snap-1'] },
    { state: 'available', snapshots: ['snap-1'] },
  ];
  console = '';
  /** Thrown by each verb once, then it works. */
  readonly faults = new Map<keyof Ec2Images, Error[]>();

  async builderGroup() {
    return 'sg-builder';
  }
  async removeBuilderGroups() {
    return ['sg-builder'];
  }
  async launchBuilder(launch: BuilderLaunch): Promise<string> {
    this.launched.push(launch);
    return 'i-1';
  }
  async builders() {
    return [];
  }
  async builderState(): Promise<BuilderState | undefined> {
    this.#fail('builderState');
    return this.states.length > 1 ? this.states.shift() : this.states[0];
  }
  async consoleOutput(): Promise<string> {
    this.#fail('consoleOutput');
    return this.console;
  }
  async terminate(id: string): Promise<void> {
    this.#fail('terminate');
    this.terminated.push(id);
  }
  async createImage(_: string, image: NewImage): Promise<string> {
    this.#fail('createImage');
    this.made.push(image);
    return 'ami-1';
  }
  async imageState(): Promise<MachineImageState> {
    this.#fail('imageState');
    const [next = { state: 'pending', snapshots: [] }] = this.imageStates;
    if (this.imageStates.length > 1) this.imageStates.shift();
    return next;
  }
  async list() {
    return [];
  }
  async used() {
    return new Set<string>();
  }
  async remove(image: Pick<WorkerImage, 'id' | 'snapshots'>): Promise<void> {
    this.#fail('remove');
    this.removed.push(image);
  }

  #fail(verb: keyof Ec2Images): void {
    const fault = this.faults.get(verb)?.shift();
    if (fault !== undefined) throw fault;
  }
}

/** A fake CloudFormation: stacks with states, and events that arrive poll by poll. */
import type {
  ChangeSetRequest,
  ChangeSetView,
  Stack,
  StackEvent,
  StackResource,
  Stacks,
} from '../../../src/core/aws-account/stacks.ts';

const STACK = 'AWS::CloudFormation::Stack';

export interface FakeStacks extends Stacks {
  /** Its current state. */
  stack: Stack | undefined;
  proposed: ChangeSetRequest[];
  discarded: number;
  removed: number;
  /** Existing resources. */
  present: StackResource[];
  /** The events of deleted stacks by id, both newest first. */
  past: Map<string, StackEvent[]>;
}

export interface Script {
  stack?: Partial<Stack>;
  /** The change set, poll by poll. */
  views?: ChangeSetView[];
  /** The events of its execution, poll by poll. The last event of the stack itself sets its state. */
  execution?: StackEvent[][];
  /** The same for each deletion of the stack. */
  removals?: StackEvent[][][];
  /** States that `find` goes through. */
  states?: string[];
}

let serial = 0;

/** An event of a resource, or of the stack itself without one. */
export function event(
  status: string,
  resource?: string,
  reason?: string,
  type = 'AWS::Test::Thing',
): StackEvent {
  return {
    id: `event-${++serial}`,
    atMs: 0,
    status,
    resource: resource ?? 'imgcls-test',
    physicalId: resource ?? 'stack-id',
    type: resource === undefined ? STACK : type,
    ...(reason !== undefined && { reason }),
  };
}

export function fakeStacks(script: Script = {}): FakeStacks {
  const { views = [{ state: 'ready', changes: [] }], execution = [], removals = [], states = [] } = script;
  const emitted: StackEvent[] = [event('OLD', 'Before')];
  let coming: StackEvent[][] = [];
  const settle = (): void => {
    for (const { physicalId, status } of coming.shift() ?? [])
      if (fake.stack && physicalId === 'stack-id') fake.stack.status = status;
  };
  const fake: FakeStacks = {
    stack: script.stack && {
      id: 'stack-id',
      name: 'imgcls-test',
      status: 'CREATE_COMPLETE',
      parameters: {},
      outputs: {},
      ...script.stack,
    },
    proposed: [],
    discarded: 0,
    removed: 0,
    present: [],
    past: new Map(),
    async find(nameOrId) {
      const status = states.shift();
      if (fake.stack && status !== undefined) fake.stack.status = status;
      const isGone = fake.stack?.status === 'DELETE_COMPLETE';
      return isGone && nameOrId !== 'stack-id' ? undefined : fake.stack && { ...fake.stack };
    },
    summarize: async () => ({ parameters: [], capabilities: [] }),
    async propose(request) {
      fake.proposed.push(request);
      if (request.kind === 'CREATE') {
        const status = 'REVIEW_IN_PROGRESS';
        fake.stack = { id: 'stack-id', name: request.stack, status, parameters: {}, outputs: {} };
      }
      return { id: 'change-set-id', stackId: 'stack-id' };
    },
    async proposal() {
      const view = views.length > 1 ? views.shift() : views[0];
      return view ?? { state: 'ready', changes: [] };
    },
    async execute() {
      coming = execution.map((events) => [...events]);
    },
    async discard() {
      fake.discarded++;
    },
    async remove() {
      fake.removed++;
      coming = (removals.shift() ?? [[event('DELETE_COMPLETE')]]).map((events) => [...events]);
      if (fake.stack?.status === 'REVIEW_IN_PROGRESS') fake.stack = undefined;
    },
    async *events(id) {
      if (id !== 'stack-id') return yield* fake.past.get(id) ?? [];
      const [next = []] = coming;
      emitted.push(...next);
      settle();
      yield* emitted.toReversed();
    },
    resources: async () => fake.present,
    template: async () => '',
    names: async () => (fake.stack === undefined ? [] : [fake.stack.name]),
    deleted: async () => [...fake.past.keys()],
  };
  return fake;
}

/**
 * What each role may do is what its code does: the calls are read from the source, and compared with the template's
 * policies both ways.
 */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { covers, isPlace, placesOf } from './places.ts';
import { actionsOf, differences, listOf, statementsOf } from './policies.ts';
import { SourceGraph } from './sdk-calls.ts';
import { readTemplate, resourcesWith } from './template.ts';

const COMMANDS = 'src/cli/commands';
const COMMAND_FILES = readdirSync(path.join(import.meta.dirname, '../../..', COMMANDS), { recursive: true })
  .map(String)
  .filter((file) => file.endsWith('.ts'));

function commandFile(command: string): string {
  const file = COMMAND_FILES.find((each) => path.parse(each).name === command);
  if (file === undefined) throw new Error(`There is no command ${command} in ${COMMANDS}.`);
  return `${COMMANDS}/${file}`;
}

/** Which role runs which commands of src/cli/commands. */
const ROLES = {
  WorkerRole: ['worker'],
  ControllerRole: ['scale'],
  WebRole: ['serve'],
  SubmitterRole: [
    'bench',
    'cancel',
    'dlq',
    'eval',
    'gc',
    'jobs',
    'model',
    'results',
    'resume',
    'retry',
    'rm',
    'status',
    'upload',
  ],
};
type Role = keyof typeof ROLES;
const roles = Object.keys(ROLES) as Role[];

const OF_NO_ROLE = {
  config: 'reads settings alone',
  up: 'is for one machine',
  deploy: 'acts with the permissions of whoever deploys',
  destroy: 'acts with the permissions of whoever deploys',
  ami: 'acts with the permissions of whoever makes images',
  doctor: 'asks what is allowed, and is answered either way',
};

/** What instances do that is no code of ours: the image's agent ships their log. */
const INSTANCE_LOGS = ['logs:CreateLogStream', 'logs:PutLogEvents'];
const BESIDES: Record<Role, readonly string[]> = {
  WorkerRole: INSTANCE_LOGS,
  ControllerRole: INSTANCE_LOGS,
  WebRole: INSTANCE_LOGS,
  SubmitterRole: [],
};

/** Places that come with a message or a manifest, so that no name of src/core/job/keys.ts leads there. */
const NAMED_BY_OTHERS: Record<Role, readonly string[]> = {
  WorkerRole: [
    '<InputBucket.Arn>/images/*',
    '<InputBucket.Arn>/drop/*',
    'arn:*:sqs:us-east-1:123456789012:imgcls-default-resp-*',
  ],
  ControllerRole: [],
  WebRole: ['<InputBucket.Arn>/images/*'],
  SubmitterRole: [],
};

/** Names by which something is told from others, and nothing is read or written. */
const ONLY_NAMED: Record<Role, readonly string[]> = {
  WorkerRole: [],
  ControllerRole: ['DROP_PREFIX'],
  WebRole: [],
  SubmitterRole: ['DROP_PREFIX'],
};

/** Which of two functions a worker runs follows from whether a group is named, and so from the fleet. */
const NEVER = {
  ec2: ['src/app/ec2-instance.ts inGroup'],
  asg: ['src/app/ec2-instance.ts standalone'],
};
const fleets = ['ec2', 'asg'] as const;
type Fleet = (typeof fleets)[number];

const template = readTemplate();
const source = new SourceGraph();

const reachOf = (role: Role, fleet: Fleet) =>
  source.reach(ROLES[role].map(commandFile), {
    facts: { 'aws|local': 'aws', 'asg|ec2': fleet },
    never: role === 'WorkerRole' ? NEVER[fleet] : [],
  });

const grantsOf = (role: Role, fleet: Fleet) =>
  statementsOf(resourcesWith(template, { Fleet: fleet, WithWeb: 'true' }), role);

const cases = roles.flatMap((role) => fleets.map((fleet) => ({ role, fleet })));

describe('policies', () => {
  it('are of roles that have every command between them', () => {
    const commands = COMMAND_FILES.map((file) => path.parse(file).name);
    const known = [...Object.values(ROLES).flat(), ...Object.keys(OF_NO_ROLE)];
    expect(commands.filter((command) => !known.includes(command))).toEqual([]);
  });

  it.each(cases)(
    'give $role of fleet $fleet the actions that its code needs, and no others',
    ({ role, fleet }) => {
      const { calls } = reachOf(role, fleet);
      expect(differences(calls, actionsOf(grantsOf(role, fleet)), BESIDES[role])).toEqual([]);
    },
  );

  it.each(cases)(
    'give $role of fleet $fleet the places that its code speaks of, and no others',
    ({ role, fleet }) => {
      const places = placesOf(reachOf(role, fleet).keys, ONLY_NAMED[role]);
      const granted = grantsOf(role, fleet)
        .flatMap(({ Resource }) => listOf(Resource))
        .filter(isPlace);
      expect(places.filter((place) => !granted.some((resource) => covers(resource, place)))).toEqual([]);
      const unexplained = granted.filter((resource) => !places.some((place) => covers(resource, place)));
      expect(unexplained.filter((resource) => !NAMED_BY_OTHERS[role].includes(resource))).toEqual([]);
    },
  );

  it('are compared so that an action less or more is noticed', () => {
    for (const role of roles) {
      const { calls } = reachOf(role, 'ec2');
      const granted = actionsOf(grantsOf(role, 'ec2'));
      for (const action of granted) {
        const [difference = '', ...others] = differences(
          calls,
          new Set([...granted].filter((each) => each !== action)),
          BESIDES[role],
        );
        expect(difference).toMatch(`${action} is needed and not granted`);
        expect(others).toEqual([]);
      }
      expect(differences(calls, new Set([...granted, 's3:DeleteBucket']), BESIDES[role])).toEqual([
        's3:DeleteBucket is granted and never used',
      ]);
    }
  });
});

describe('the source', () => {
  it('is followed through ports to the command of the SDK', () => {
    const { calls } = reachOf('WorkerRole', 'ec2');
    const terminate = calls.find(({ name }) => name === 'ec2 TerminateInstances');
    expect(terminate?.path.at(0)).toBe('src/cli/commands/fleet/worker.ts register');
    expect(terminate?.path.at(-1)).toBe('src/aws/ec2-self.ts terminateSelf');
  });

  it('is left where the facts say that a run never goes', () => {
    const names = reachOf('WorkerRole', 'ec2').calls.map(({ name }) => name);
    // Only the embedded cloud's queues are made by whoever opens it.
    expect(names).not.toContain('sqs CreateQueue');
    const local = source.reach(['src/cli/commands/fleet/worker.ts'], { facts: {}, never: [] });
    expect(local.calls.map(({ name }) => name)).toContain('sqs CreateQueue');
  });

  it('knows what a call through an interface runs', () => {
    const optional = {
      'src/client/retry-images.ts isWanted': 'absent: every image is',
      'src/client/submission.ts leave': 'of a fleet on one machine',
      'src/scaler/lock.ts hasEnded': 'of a holder on one machine',
      'src/aws/s3-body.ts open': 'of streams, which only submitters store',
    };
    const unanswered = cases.flatMap(({ role, fleet }) => reachOf(role, fleet).unanswered);
    expect(unanswered.filter((place) => !(place in optional))).toEqual([]);
  });
});

describe('resources of policies', () => {
  /** AWS knows no resources for these. */
  const ONLY_ALL = [
    'sqs:ListQueues',
    'ec2:DescribeImages',
    'ec2:DescribeInstances',
    'ec2:DescribeInstanceTypes',
    'ec2:DescribeLaunchTemplateVersions',
    'autoscaling:DescribeAutoScalingGroups',
    'autoscaling:DescribeScalingActivities',
    'autoscaling:DescribeWarmPool',
  ];
  /** Things that a launch makes, of which it can be said only how they are to be. */
  const MADE_BY_LAUNCH = /:(network-interface|fleet|spot-instances-request)\/\*$/;

  const statements = cases.flatMap(({ role, fleet }) => grantsOf(role, fleet));

  it('are all of them only for actions that know none', () => {
    const all = statements.filter(({ Resource }) => listOf(Resource).includes('*'));
    expect([...actionsOf(all)].filter((action) => !ONLY_ALL.includes(action))).toEqual([]);
  });

  it('are named by actions without wildcards', () => {
    expect([...actionsOf(statements)].filter((action) => action.includes('*'))).toEqual([]);
  });

  it('are instances only on the condition that they are of this cluster', () => {
    const ofInstances = statements.filter(({ Resource }) =>
      listOf(Resource).some(
        (resource) =>
          /:ec2:.*\*/.test(resource) && !MADE_BY_LAUNCH.test(resource) && !/subnet/.test(resource),
      ),
    );
    expect(ofInstances.length).toBeGreaterThan(4);
    for (const { Action, Condition } of ofInstances)
      expect(JSON.stringify(Condition), String(Action)).toMatch(
        /"aws:(Request|Resource)Tag\/imgcls:cluster":"default"|"ec2:CreateAction"|"ec2:SourceInstanceARN":"[^"]+\$\{ec2:InstanceID\}"/,
      );
  });
});

/**
 * Each role allows exactly what its code does: reads the SDK calls from the source and compares them with the policies of
 * the template, in both directions.
 */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { LAUNCH_TAG } from '../../../src/scaler/drivers/ec2.ts';
import { covers, isPlace, placesOf } from './places.ts';
import {
  actionsFor,
  actionsOf,
  deployerStatements,
  differences,
  isAction,
  listOf,
  statementsOf,
} from './policies.ts';
import { type Reach, SourceGraph } from './sdk-calls.ts';
import { STACK_ACTIONS } from './stack-actions.ts';
import { readTemplate, resourcesWith, SUBMITTERS } from './template.ts';

/** IAM's limit, without white space. */
const MOST_POLICY_CHARACTERS = 6144;

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
    'find',
    'gc',
    'jobs',
    'label',
    'model',
    'results',
    'resume',
    'retry',
    'rm',
    'sort',
    'status',
    'tag',
    'watch',
  ],
};
type Role = keyof typeof ROLES;
const roles = Object.keys(ROLES) as Role[];

/** What AWS Lambda runs with the role. */
const FUNCTIONS: Partial<Record<Role, readonly string[]>> = { ControllerRole: ['src/lambda/handler.ts'] };

const OF_NO_ROLE = {
  config: 'only reads settings',
  completion: 'prints text',
  man: 'prints text',
  up: 'is for one machine',
  deploy: 'is for deployers, see below',
  destroy: 'is for deployers, see below',
  ami: 'is for deployers, see below',
  doctor: 'works with any permissions',
  cluster: 'is for operators, who have OperatorPolicy and SubmitterPolicy',
};

/** Actions outside our code: the CloudWatch agent or AWS Lambda ships the log. */
const LOGS = ['logs:CreateLogStream', 'logs:PutLogEvents'];
const BESIDES: Record<Role, readonly string[]> = {
  WorkerRole: LOGS,
  ControllerRole: LOGS,
  WebRole: LOGS,
  SubmitterRole: [],
};

/** Places named by messages or manifests, not by a function of src/core/job/keys.ts. */
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

/** Functions that only recognise names, and access nothing. */
const ONLY_NAMED: Record<Role, readonly string[]> = {
  WorkerRole: [],
  ControllerRole: ['DROP_PREFIX'],
  WebRole: [],
  SubmitterRole: ['DROP_PREFIX'],
};

/** Only runs where the settings name an S3 server that is not AWS's. */
const OTHER_SERVERS = 'src/app/open-aws-cloud.ts tryOtherServer';

/** `status --cost` shows the cost of the stack as unknown to those who may not read it. */
const OF_DEPLOYERS = 'src/cli/fleet/status-cost.ts ofStack';

/** A worker runs one of these functions, depending on the fleet. */
const NEVER = {
  ec2: ['src/app/ec2-instance.ts inGroup'],
  asg: ['src/app/ec2-instance.ts standalone'],
};
const fleets = ['ec2', 'asg'] as const;
type Fleet = (typeof fleets)[number];

function neverOf(role: Role, fleet: Fleet): readonly string[] {
  if (role === 'WorkerRole') return NEVER[fleet];
  return role === 'SubmitterRole' ? [OF_DEPLOYERS] : [];
}

const template = readTemplate();
const source = new SourceGraph();

/** What was found already: a search takes half a second. */
const reaches = new Map<string, Reach>();
function reachOf(role: Role, fleet: Fleet): Reach {
  const key = `${role} ${fleet}`;
  const reach =
    reaches.get(key) ??
    source.reach([...ROLES[role].map(commandFile), ...(FUNCTIONS[role] ?? [])], {
      facts: { 'aws|local': 'aws', 'asg|ec2': fleet },
      never: [OTHER_SERVERS, ...neverOf(role, fleet)],
    });
  reaches.set(key, reach);
  return reach;
}

const grantsOf = (role: Role, fleet: Fleet) =>
  statementsOf(resourcesWith(template, { ...SUBMITTERS, Fleet: fleet, WithWeb: 'true' }), role);

const cases = roles.flatMap((role) => fleets.map((fleet) => ({ role, fleet })));

describe('policies', () => {
  it('belong to roles that together cover every command', () => {
    const commands = COMMAND_FILES.map((file) => path.parse(file).name);
    const known = [...Object.values(ROLES).flat(), ...Object.keys(OF_NO_ROLE)];
    expect(commands.filter((command) => !known.includes(command))).toEqual([]);
  });

  it('let operators write the settings of the cluster, and submitters, workers and the page only read them', () => {
    const { OperatorPolicy } = resourcesWith(template, {});
    expect(OperatorPolicy?.Properties).toEqual({
      PolicyDocument: {
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Action: 's3:PutObject',
            Resource: '<OutputBucket.Arn>/controller/settings.json',
          },
        ],
      },
    });
    const [settings = ''] = placesOf(['CLUSTER_SETTINGS_KEY'], []);
    const others = roles.filter((role) => role !== 'ControllerRole');
    const writes = (role: Role) =>
      grantsOf(role, 'ec2').filter(
        (each) =>
          listOf(each.Action).includes('s3:PutObject') &&
          listOf(each.Resource).some((resource) => covers(resource, settings)),
      );
    expect(others.flatMap(writes)).toEqual([]);
  });

  it.each(cases)(
    'give $role of fleet $fleet the actions that its code needs, and no others',
    ({ role, fleet }) => {
      const { calls } = reachOf(role, fleet);
      expect(differences(calls, actionsOf(grantsOf(role, fleet)), BESIDES[role])).toEqual([]);
    },
  );

  it.each(cases)(
    'give $role of fleet $fleet access to the places that its code uses, and no others',
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

  it('are compared so that a missing or superfluous action is found', () => {
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

describe('the policy of deployers', () => {
  const COMMANDS_OF_DEPLOYERS = ['deploy', 'destroy', 'ami', 'cluster', 'doctor', 'status'];
  const statements = deployerStatements();
  const granted = statements.flatMap(({ Action }) => listOf(Action));
  const types = new Set(Object.values(template.Resources).map(({ Type }) => Type));

  function needed(): Set<string> {
    const { calls } = source.reach(COMMANDS_OF_DEPLOYERS.map(commandFile), {
      facts: { 'aws|local': 'aws' },
      never: [],
    });
    const ofStack = [...types].flatMap((type) => STACK_ACTIONS[type] ?? []);
    return new Set([...calls.flatMap(actionsFor), ...ofStack]);
  }

  it('knows every type of resource in the template, and no other', () => {
    expect(Object.keys(STACK_ACTIONS).toSorted()).toEqual([...types].toSorted());
  });

  it('allows what the commands and the stack need, and no other action', () => {
    const actions = [...needed()];
    expect(actions.filter((action) => !granted.some((each) => isAction(each, action)))).toEqual([]);
    expect(granted.filter((each) => !actions.some((action) => isAction(each, action)))).toEqual([]);
  });

  it('fits into a managed policy, and gives nothing of other names where AWS has names', () => {
    const text = JSON.stringify({ Version: '2012-10-17', Statement: statements });
    expect(text.length).toBeLessThanOrEqual(MOST_POLICY_CHARACTERS);
    const named = statements
      .filter(({ Resource }) => Resource !== '*')
      .flatMap(({ Resource }) => listOf(Resource));
    expect(
      named.filter((resource) => !/[:/]imgcls-|\/imgcls\/|secret:WebToken-|aws-service-role/.test(resource)),
    ).toEqual([]);
  });
});

describe('the source', () => {
  it('is followed through ports to the SDK commands', () => {
    const { calls } = reachOf('WorkerRole', 'ec2');
    const terminate = calls.find(({ name }) => name === 'ec2 TerminateInstances');
    expect(terminate?.path.at(0)).toBe('src/cli/commands/fleet/worker.ts register');
    expect(terminate?.path.at(-1)).toBe('src/aws/ec2-self.ts terminateSelf');
  });

  it('is not followed into code that the facts exclude', () => {
    const names = reachOf('WorkerRole', 'ec2').calls.map(({ name }) => name);
    // Only the embedded cloud creates its queues when it is opened.
    expect(names).not.toContain('sqs CreateQueue');
    const local = source.reach(['src/cli/commands/fleet/worker.ts'], { facts: {}, never: [] });
    expect(local.calls.map(({ name }) => name)).toContain('sqs CreateQueue');
  });

  it('is followed through interfaces to their implementations', () => {
    const optional = {
      'src/client/retry-images.ts isWanted': 'absent: every image is',
      'src/client/submission.ts leave': 'of a fleet on one machine',
      'src/client/controller-session.ts leave': 'of a fleet on one machine',
      'src/scaler/controller.ts recall': 'absent: the settings of a service on one machine stay as they are',
      'src/core/runtime/located-process.ts hasEnded': 'of a holder on one machine',
      'src/lambda/handler.ts getRemainingTimeInMillis': 'of the context of AWS Lambda',
      'src/aws/s3-body.ts open': 'of streams, which only submitters store',
    };
    // `find` keeps its index on the machine that searches.
    const ofThisMachine = /^src\/core\/cloud\/search-index\.ts /;
    // Of the decoder of JPEG, for the thumbnails of `eval --html`.
    const ofWebAssembly = /^src\/model\/(jpeg-program|web-assembly)\.ts /;
    const ofPino = /^src\/core\/runtime\/log\.ts /;
    const unanswered = cases.flatMap(({ role, fleet }) => reachOf(role, fleet).unanswered);
    const isKnown = (place: string) =>
      place in optional || [ofThisMachine, ofWebAssembly, ofPino].some((known) => known.test(place));
    expect(unanswered.filter((place) => !isKnown(place))).toEqual([]);
  });
});

describe('resources of policies', () => {
  /** AWS supports no resources for these. */
  const ONLY_ALL = [
    'sqs:ListQueues',
    'ec2:DescribeImages',
    'ec2:DescribeInstances',
    'ec2:DescribeInstanceTypeOfferings',
    'ec2:DescribeInstanceTypes',
    'ec2:DescribeSpotPriceHistory',
    'ec2:DescribeSubnets',
    'ec2:DescribeLaunchTemplateVersions',
    'autoscaling:DescribeAutoScalingGroups',
    'autoscaling:DescribeScalingActivities',
    'autoscaling:DescribeWarmPool',
  ];
  /** Resources that a launch creates. Policies can only restrict their properties. */
  const MADE_BY_LAUNCH = /:(network-interface|fleet|spot-instances-request)\/\*$/;

  const statements = cases.flatMap(({ role, fleet }) => grantsOf(role, fleet));

  it('are "*" only for actions that support none', () => {
    const all = statements.filter(({ Resource }) => listOf(Resource).includes('*'));
    expect([...actionsOf(all)].filter((action) => !ONLY_ALL.includes(action))).toEqual([]);
  });

  it('that are tagged get only our own tags, as others may grant permissions by theirs', () => {
    const tagging = statements.filter(({ Action }) => listOf(Action).some((each) => /:\w+Tags$/.test(each)));
    expect([...actionsOf(tagging)].toSorted()).toEqual([
      'autoscaling:CreateOrUpdateTags',
      'ec2:CreateTags',
      'ec2:DeleteTags',
    ]);
    for (const { Action, Condition = {} } of tagging) {
      const { 'aws:TagKeys': keys } = Condition['ForAllValues:StringEquals'] ?? {};
      expect(keys, String(Action)).toContain(LAUNCH_TAG);
      expect((keys as string[]).filter((key) => !/^(Name|imgcls:[a-z]+)$/.test(key))).toEqual([]);
    }
  });

  it('are named by actions without wildcards', () => {
    expect([...actionsOf(statements)].filter((action) => action.includes('*'))).toEqual([]);
  });

  it('include instances only on the condition that they are of this cluster', () => {
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

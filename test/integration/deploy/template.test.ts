/** Checks the template for security, and against the names and settings of the program. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { deadLetterQueueName, interactiveQueueName, requestQueueName } from '../../../src/core/job/keys.ts';
import { MAX_RECEIVE_COUNT } from '../../../src/core/job/messages.ts';
import { KEEP_INPUTS_DAYS } from '../../../src/core/job/retention.ts';
import { USUAL_ATTACHED } from '../../../src/core/money/prices.ts';
import {
  environmentName,
  environmentSource,
  resolveSettings,
  settingNames,
} from '../../../src/core/settings/settings.ts';
import { PRIVATE_RANGES } from '../../../src/deploy/endpoints.ts';
import { fitTemplate } from '../../../src/deploy/template-text.ts';
import { listOf, type Statement, statementsOf } from './policies.ts';
import {
  brokenRules,
  parseTemplate,
  type Resource,
  readTemplate,
  resourcesWith,
  SUBMITTERS,
  TEMPLATE_FILE,
} from './template.ts';

const TOKEN_SECRET = 'arn:aws:secretsmanager:us-east-1:123456789012:secret:WebToken-1';
const template = readTemplate();

const WEB = { WithWeb: 'true', WebIngressCidr: '198.51.100.0/24' };
const VARIANTS: Readonly<Record<string, Record<string, string>>> = {
  'as it is by default': {},
  'with all there is': {
    ...WEB,
    ...SUBMITTERS,
    Fleet: 'asg',
    Network: 'endpoints',
    RouteTableIds: 'rtb-1',
    ReadBuckets: 'one,two',
    AlarmEmail: 'somebody@example.org',
    WebCertificateArn: 'arn:aws:acm:us-east-1:123456789012:certificate/1',
    WebHostName: 'labels.example.org',
  },
  'with a page and nothing more': { ...WEB, WithController: 'false' },
};
const variants = Object.entries(VARIANTS).map(([name, given]) => ({
  name,
  resources: resourcesWith(template, given),
}));

const ofType = (resources: Readonly<Record<string, Resource>>, type: string) =>
  Object.entries(resources)
    .filter(([, { Type }]) => Type === `AWS::${type}`)
    .map(([name, { Properties }]) => ({ name, properties: Properties }));

describe('the template', () => {
  it('is small enough for a request to CloudFormation, as imgcls deploy sends it', async () => {
    const sent = await fitTemplate(readFileSync(TEMPLATE_FILE, 'utf8'), TEMPLATE_FILE);
    expect(Buffer.byteLength(sent)).toBeLessThanOrEqual(51_200);
    expect(parseTemplate(sent)).toEqual(template);
  });
});

describe.each(variants)('a cluster $name', ({ resources }) => {
  it('has private, encrypted, TLS-only buckets that abort incomplete uploads', () => {
    const buckets = ofType(resources, 'S3::Bucket');
    expect(buckets).toHaveLength(2);
    for (const { name, properties } of buckets) {
      expect(Object.values(properties.PublicAccessBlockConfiguration)).toEqual([true, true, true, true]);
      expect(properties.OwnershipControls.Rules).toEqual([{ ObjectOwnership: 'BucketOwnerEnforced' }]);
      expect(JSON.stringify(properties.BucketEncryption)).toContain('"SSEAlgorithm":"AES256"');
      expect(properties.LifecycleConfiguration.Rules).toContainEqual(
        expect.objectContaining({ AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 } }),
      );
      const policy = ofType(resources, 'S3::BucketPolicy').find(
        ({ properties: { Bucket } }) => Bucket === `<${name}>`,
      );
      expect(policy?.properties.PolicyDocument.Statement).toContainEqual(
        denialOfPlain('s3:*', [`<${name}.Arn>`, `<${name}.Arn>/*`]),
      );
    }
  });

  it('expires only images, jobs, dead letters and logs', () => {
    const [input, output] = ofType(resources, 'S3::Bucket').map(({ properties }) =>
      properties.LifecycleConfiguration.Rules.filter(
        (rule: { ExpirationInDays?: unknown }) => rule.ExpirationInDays,
      ),
    );
    expect(input).toEqual([
      { Id: 'expire-images', Status: 'Enabled', ExpirationInDays: String(KEEP_INPUTS_DAYS) },
    ]);
    expect(output.map(({ Prefix }: { Prefix: string }) => Prefix)).toEqual(['jobs/', 'dlq/', 'access-logs/']);
  });

  it("has encrypted, TLS-only queues with the program's names, times and counts", () => {
    const { RequestQueue, DeadLetterQueue, InteractiveQueue } = resources;
    const lease = resolveSettings([]).settings.leaseSeconds;
    expect(RequestQueue?.Properties).toMatchObject({
      QueueName: requestQueueName('default'),
      VisibilityTimeout: lease,
      MessageRetentionPeriod: 14 * 86_400,
      RedrivePolicy: { deadLetterTargetArn: '<DeadLetterQueue.Arn>', maxReceiveCount: MAX_RECEIVE_COUNT },
    });
    expect(DeadLetterQueue?.Properties).toMatchObject({
      QueueName: deadLetterQueueName('default'),
      MessageRetentionPeriod: 14 * 86_400,
      RedriveAllowPolicy: {
        sourceQueueArns: [`arn:aws:sqs:us-east-1:123456789012:${requestQueueName('default')}`],
      },
    });
    expect(InteractiveQueue?.Properties).toMatchObject({
      QueueName: interactiveQueueName('default'),
      MessageRetentionPeriod: 60,
    });
    const policies = ofType(resources, 'SQS::QueuePolicy').map(({ properties }) => properties);
    for (const { name, properties } of ofType(resources, 'SQS::Queue')) {
      expect(properties.SqsManagedSseEnabled).toBe(true);
      const [policy, ...others] = policies.filter(({ Queues }) => Queues.includes(`<${name}>`));
      expect(others).toEqual([]);
      expect(policy?.PolicyDocument.Statement).toContainEqual(denialOfPlain('sqs:*', expect.anything()));
    }
  });

  it('gives no permission to other accounts', () => {
    const documents = Object.values(resources).flatMap(({ Properties }) => [
      Properties.PolicyDocument,
      Properties.AssumeRolePolicyDocument,
    ]);
    const allowed = documents
      .flatMap((document) => document?.Statement ?? [])
      .filter(({ Effect, Principal }) => Effect === 'Allow' && Principal !== undefined);
    const principals = new Set(allowed.map(({ Principal }) => JSON.stringify(Principal)));
    const ours = [
      '{"AWS":"arn:aws:iam::123456789012:root"}',
      ...['ec2', 's3', 'logdelivery.elasticloadbalancing', 'cloudwatch', 'lambda', 'scheduler'].map(
        (service) => `{"Service":"${service}.amazonaws.com"}`,
      ),
    ];
    expect([...principals].filter((principal) => !ours.includes(principal))).toEqual([]);
  });

  it('lets nobody become a submitter who is not named', () => {
    const { SubmitterRole } = resources;
    const [statement, ...others] = SubmitterRole?.Properties.AssumeRolePolicyDocument.Statement ?? [];
    expect(others).toEqual([]);
    if (statement !== undefined)
      expect(statement.Condition).toEqual({
        ArnLike: { 'aws:PrincipalArn': [SUBMITTERS.SubmitterPrincipals] },
      });
  });

  it('launches instances without login, and with protected metadata', () => {
    const templates = ofType(resources, 'EC2::LaunchTemplate');
    expect(templates.length).toBeGreaterThan(0);
    for (const { properties } of templates) {
      const { KeyName, ...data } = properties.LaunchTemplateData;
      expect(KeyName).toBeUndefined();
      expect(data).toMatchObject({
        InstanceInitiatedShutdownBehavior: 'terminate',
        MetadataOptions: { HttpEndpoint: 'enabled', HttpTokens: 'required', HttpPutResponseHopLimit: 1 },
        NetworkInterfaces: [{ DeviceIndex: 0, Groups: [expect.stringContaining('SecurityGroup')] }],
        BlockDeviceMappings: [{ Ebs: { Encrypted: true, VolumeType: 'gp3' } }],
      });
    }
  });

  it('tags only workers with the cluster, by which the controller finds them', () => {
    const carriers = Object.entries(resources)
      .filter(
        ([, { Type, Properties }]) =>
          !Type.startsWith('AWS::IAM::') && JSON.stringify(Properties).includes('imgcls:cluster'),
      )
      .map(([name]) => name);
    expect(carriers).toEqual(['WorkerLaunchTemplate']);
  });

  it('gives its instances valid settings', () => {
    for (const { name, properties } of ofType(resources, 'EC2::LaunchTemplate')) {
      const data = String(properties.LaunchTemplateData.UserData).replace('<WebToken>', TOKEN_SECRET);
      const lines = data.trimEnd().split('\n');
      expect(lines.shift()).toBe('#imgcls-environment');
      const env = Object.fromEntries(
        lines.map((line) => /^([A-Z_]+)=(.*)$/.exec(line)?.slice(1) ?? [line, 'no setting']),
      );
      const { IMGCLS_ROLE, AWS_REGION, AWS_USE_DUALSTACK_ENDPOINT, ...ours } = env;
      expect(AWS_USE_DUALSTACK_ENDPOINT).toBe('false');
      expect(name.toLowerCase()).toBe(`${IMGCLS_ROLE}launchtemplate`);
      expect(AWS_REGION).toBe('us-east-1');
      const known = settingNames.map(environmentName);
      expect(Object.keys(ours).filter((setting) => !known.includes(setting))).toEqual([]);
      const { settings } = resolveSettings([environmentSource(ours)]);
      expect(settings).toMatchObject({ cloud: 'aws', cluster: 'default', model: 'efficientnet-lite0' });
    }
  });

  it('gives its controller valid settings, and calls it once a minute', () => {
    const functions = ofType(resources, 'Lambda::Function');
    const schedules = ofType(resources, 'Scheduler::Schedule');
    expect(schedules).toHaveLength(functions.length);
    for (const { name, properties } of functions) {
      const { Variables } = properties.Environment;
      const known = settingNames.map(environmentName);
      expect(Object.keys(Variables).filter((setting) => !known.includes(setting))).toEqual([]);
      const { settings } = resolveSettings([environmentSource(Variables)]);
      expect(settings).toMatchObject({ cloud: 'aws', cluster: 'default', model: 'efficientnet-lite0' });
      expect(properties).toMatchObject({ Runtime: 'nodejs24.x', Architectures: ['arm64'] });
      expect(properties).not.toHaveProperty('VpcConfig');
      expect(properties.ReservedConcurrentExecutions).toBe(1);
      expect(schedules[0]?.properties).toMatchObject({
        ScheduleExpression: 'rate(1 minute)',
        Target: { Arn: `<${name}.Arn>`, RetryPolicy: { MaximumRetryAttempts: 0 } },
      });
      // A call that waits longer than a minute is superseded by the next one.
      expect(ofType(resources, 'Lambda::EventInvokeConfig')[0]?.properties).toMatchObject({
        MaximumRetryAttempts: 0,
        MaximumEventAgeInSeconds: 60,
      });
    }
  });

  it('has at most one ingress from outside, from the given range to the load balancer', () => {
    // Endpoints are for the whole VPC, and have only private addresses.
    const groups = ofType(resources, 'EC2::SecurityGroup')
      .filter(({ name }) => name !== 'EndpointSecurityGroup')
      .flatMap(({ properties }) => properties.SecurityGroupIngress ?? []);
    const rules = ofType(resources, 'EC2::SecurityGroupIngress').map(({ properties }) => properties);
    const [open, ...others] = [...groups, ...rules].filter(
      ({ SourceSecurityGroupId }) => SourceSecurityGroupId === undefined,
    );
    expect(others).toEqual([]);
    if (open !== undefined)
      expect(open).toMatchObject({
        GroupId: '<LoadBalancerSecurityGroup.GroupId>',
        CidrIp: '198.51.100.0/24',
      });
  });
});

describe('policies that can be attached to roles of pods', () => {
  /** Without white space, in AWS. */
  const MANAGED_POLICY_CHARACTERS = 6144;

  it('are small enough, with the longest names', () => {
    const resources = resourcesWith(template, {
      ClusterName: 'c'.repeat(21),
      'AWS::Region': 'ap-southeast-5',
    });
    const policies = ofType(resources, 'IAM::ManagedPolicy');
    expect(policies.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['WorkerAccess', 'ControllerAccess']),
    );
    const longest = `arn:aws-us-gov:s3:::${'b'.repeat(63)}`;
    for (const { name, properties } of policies) {
      const text = JSON.stringify(properties.PolicyDocument).replace(/<\w+\.?\w*>/g, longest);
      expect(text.length, name).toBeLessThanOrEqual(MANAGED_POLICY_CHARACTERS);
    }
  });
});

describe('the disk of a worker', () => {
  it('gets its blocks at a rate that costs money only if it is asked for', () => {
    const diskWith = (given: Record<string, string>) => {
      const { WorkerLaunchTemplate } = resourcesWith(template, given);
      return WorkerLaunchTemplate?.Properties.LaunchTemplateData.BlockDeviceMappings[0].Ebs;
    };
    expect(diskWith({})).toEqual({ Encrypted: true, VolumeType: 'gp3', VolumeSize: 16 });
    expect(diskWith({ VolumeInitializationRate: '300' })).toMatchObject({ VolumeInitializationRate: '300' });
  });
});

it('has workers whose disk and address are those that prices assume', () => {
  const { WorkerLaunchTemplate } = resourcesWith(template, {});
  const { BlockDeviceMappings, NetworkInterfaces } =
    WorkerLaunchTemplate?.Properties.LaunchTemplateData ?? {};
  expect(BlockDeviceMappings).toMatchObject([{ Ebs: { VolumeSize: USUAL_ATTACHED.diskGb } }]);
  expect(NetworkInterfaces).toMatchObject([{ AssociatePublicIpAddress: USUAL_ATTACHED.hasPublicAddress }]);
});

describe('the network of a cluster', () => {
  const interfaceIn = (network: string) => {
    const { WorkerLaunchTemplate, InstanceSecurityGroup } = resourcesWith(template, { Network: network });
    const [first] = WorkerLaunchTemplate?.Properties.LaunchTemplateData.NetworkInterfaces ?? [];
    return { ...first, out: InstanceSecurityGroup?.Properties.SecurityGroupEgress };
  };
  const https = { IpProtocol: 'tcp', FromPort: 443, ToPort: 443 };

  it('gives machines a public IPv4 address only by default, and IPv6 only if it is asked for', () => {
    const outIpv4 = [{ ...https, CidrIp: '0.0.0.0/0' }];
    expect(interfaceIn('public')).toMatchObject({ AssociatePublicIpAddress: true, out: outIpv4 });
    for (const other of ['private', 'endpoints'])
      expect(interfaceIn(other)).toMatchObject({ AssociatePublicIpAddress: false, out: outIpv4 });
    expect(interfaceIn('public')).not.toHaveProperty('Ipv6AddressCount');
    expect(interfaceIn('ipv6')).toMatchObject({
      AssociatePublicIpAddress: false,
      Ipv6AddressCount: 1,
      out: [{ ...https, CidrIpv6: '::/0' }],
    });
  });

  it('has endpoints only for services without one, and lets the whole VPC use them', () => {
    const endpointsWith = (given: Record<string, string>) => {
      const resources = resourcesWith(template, { Network: 'endpoints', ...given });
      return ofType(resources, 'EC2::VPCEndpoint').map(({ name }) => name);
    };
    expect(endpointsWith({})).toEqual(['SqsEndpoint', 'Ec2Endpoint', 'LogsEndpoint']);
    expect(endpointsWith({ ...WEB, Fleet: 'asg', RouteTableIds: 'rtb-1' })).toHaveLength(6);
    expect(endpointsWith({ EndpointServices: 'logs,autoscaling' })).toEqual(['LogsEndpoint']);
    expect(endpointsWith({ Network: 'private' })).toEqual([]);
    const { EndpointSecurityGroup } = resourcesWith(template, { Network: 'endpoints' });
    expect(EndpointSecurityGroup?.Properties.SecurityGroupIngress).toEqual(
      PRIVATE_RANGES.map((CidrIp) => ({ ...https, CidrIp })),
    );
  });
});

const denialOfPlain = (action: string, resource: unknown) =>
  expect.objectContaining({
    Effect: 'Deny',
    Principal: '*',
    Action: action,
    Resource: resource,
    Condition: { Bool: { 'aws:SecureTransport': 'false' } },
  });

describe('the page', () => {
  it('cannot be reached without a range', () => {
    const resources = resourcesWith(template, { WithWeb: 'true' });
    expect(Object.keys(resources)).not.toContain('LoadBalancerIngress');
    expect(resources.LoadBalancer?.Properties.Scheme).toBe('internal');
  });

  it('that faces the internet has another name, since the load balancer is replaced', () => {
    const names = (WebScheme: string) => {
      const { LoadBalancer, WebTargetGroup } = resourcesWith(template, { ...WEB, WebScheme });
      return [LoadBalancer?.Properties.Name, WebTargetGroup?.Properties.Name];
    };
    expect(names('internal')).toEqual(['imgcls-default', 'imgcls-default']);
    expect(names('internet-facing')).toEqual(['imgcls-default-pub', 'imgcls-default-pub']);
  });

  it('cannot be open to the internet without a certificate', () => {
    const certificate = { WebCertificateArn: 'arn:aws:acm:us-east-1:123456789012:certificate/1' };
    for (const open of [{ WebScheme: 'internet-facing' }, { WebIngressCidr: '0.0.0.0/0' }]) {
      expect(brokenRules(template, open)).toEqual([expect.stringContaining('WebCertificateArn')]);
      expect(brokenRules(template, { ...open, ...certificate })).toEqual([]);
    }
    expect(brokenRules(template, WEB)).toEqual([]);
  });

  it('cannot be reached from half of the internet by the name of a range', () => {
    const { AllowedPattern } = template.Parameters.WebIngressCidr ?? {};
    const isTaken = (range: string) => new RegExp(`^(?:${AllowedPattern})$`).test(range);
    const taken = ['', '0.0.0.0/0', '10.0.0.0/8', '198.51.100.0/24', '198.51.100.7/32'];
    expect(taken.filter((range) => !isTaken(range))).toEqual([]);
    const wide = ['0.0.0.0/1', '128.0.0.0/1', '0.0.0.0/00', '1.2.3.4/0', '10.0.0.0/7', '10.0.0.0/33', '::/0'];
    expect(wide.filter(isTaken)).toEqual([]);
  });

  it('has CORS access to the bucket only from its own origin, and only to put images', () => {
    const certificate = { WebCertificateArn: 'arn:aws:acm:us-east-1:123456789012:certificate/1' };
    const originOf = (given: Record<string, string>) => {
      const [rule, ...others] =
        resourcesWith(template, given).InputBucket?.Properties.CorsConfiguration.CorsRules ?? [];
      expect(others).toEqual([]);
      expect(rule.AllowedMethods).toEqual(['PUT']);
      return rule.AllowedOrigins;
    };
    expect(originOf(WEB)).toEqual(['http://<LoadBalancer.DNSName>']);
    expect(originOf({ ...WEB, ...certificate, WebHostName: 'labels.example.org' })).toEqual([
      'https://labels.example.org',
    ]);
    expect(resourcesWith(template, {}).InputBucket?.Properties.CorsConfiguration).toBeUndefined();
  });

  it('uses only HTTPS with a certificate', () => {
    const resources = resourcesWith(template, {
      ...WEB,
      WebCertificateArn: 'arn:aws:acm:us-east-1:123456789012:certificate/1',
    });
    expect(resources.LoadBalancerIngress?.Properties).toMatchObject({ FromPort: 443, ToPort: 443 });
    expect(ofType(resources, 'ElasticLoadBalancingV2::Listener').map(({ properties }) => properties)).toEqual(
      [
        expect.objectContaining({
          Port: 443,
          Protocol: 'HTTPS',
          SslPolicy: expect.stringContaining('TLS13'),
        }),
      ],
    );
  });
});

describe('names of clusters', () => {
  it('are those that the program accepts, and none whose queues are response queues of another', () => {
    const { AllowedPattern } = template.Parameters.ClusterName ?? {};
    const isTaken = (cluster: string) => {
      const isByTemplate = new RegExp(`^(?:${AllowedPattern})$`).test(cluster);
      const settings = () => resolveSettings([environmentSource({ IMGCLS_CLUSTER: cluster })]);
      if (isByTemplate) expect(settings, cluster).not.toThrow();
      else expect(settings, cluster).toThrow('lower-case');
      return isByTemplate;
    };
    expect(['a', 'a-b', 'respond', 'a-response', 'a-respond-b'].filter((name) => !isTaken(name))).toEqual([]);
    expect(['a-resp', 'a-resp-b', 'A', '-a'].filter(isTaken)).toEqual([]);
  });
});

describe('a compromised worker or submitter', () => {
  it('cannot overwrite results and models', () => {
    const { OutputBucketPolicy } = resourcesWith(template, {});
    expect(OutputBucketPolicy?.Properties.PolicyDocument.Statement).toContainEqual({
      Sid: 'WrittenOnce',
      Effect: 'Deny',
      Principal: '*',
      Action: 's3:PutObject',
      Resource: ['<OutputBucket.Arn>/jobs/*/results/*', '<OutputBucket.Arn>/models/*'],
      Condition: { Null: { 's3:if-none-match': 'true' } },
    });
  });
});

describe('a compromised controller', () => {
  const statements = statementsOf(resourcesWith(template, { InstanceType: 'c7i.large' }), 'ControllerRole');
  const of = (action: string, resource: RegExp) =>
    statements.filter(
      ({ Action, Resource }) =>
        listOf(Action).includes(action) && listOf(Resource).some((each) => resource.test(each)),
    );

  it('can launch instances of only the allowed types and one size, with only the role of workers', () => {
    const sizes = (family: string) => ['large', 'xlarge', '2xlarge'].map((size) => `${family}*.${size}`);
    for (const resource of [/:instance\/\*$/, /:volume\/\*$/])
      expect(of('ec2:RunInstances', resource).map(({ Condition }) => Condition)).toEqual([
        {
          StringEquals: { 'aws:RequestTag/imgcls:cluster': 'default' },
          StringLikeIfExists: {
            'ec2:InstanceType': ['c7i.large', ...sizes('c'), ...sizes('m'), 'r*.large', 'r*.xlarge'],
          },
          NumericLessThanEqualsIfExists: { 'ec2:VolumeSize': '16' },
        },
      ]);
    expect(of('iam:PassRole', /./).flatMap(({ Resource }) => Resource)).toEqual(['<WorkerRole.Arn>']);
  });

  it('cannot create the role for fleets that keep launching without it', () => {
    expect(of('iam:CreateServiceLinkedRole', /./).flatMap(({ Resource }) => Resource)).toEqual([
      expect.stringMatching(/AWSServiceRoleForEC2Spot$/),
    ]);
  });
});

describe('a controller in an account with a customer key of volumes', () => {
  it('may use that key for volumes, and no other', () => {
    const key = 'arn:aws:kms:us-east-1:123456789012:key/1';
    expect(resourcesWith(template, {})).not.toHaveProperty('VolumeKeyPolicy');
    const { VolumeKeyPolicy } = resourcesWith(template, { VolumeKeyArn: key });
    const { Statement } = VolumeKeyPolicy?.Properties.PolicyDocument ?? {};
    for (const statement of Statement) {
      expect(statement.Resource).toBe(key);
      expect(Object.keys(statement.Condition)).toHaveLength(1);
    }
  });
});

describe('images of other buckets with customer keys', () => {
  const keys = ['arn:aws:kms:us-east-1:123456789012:key/1', 'arn:aws:kms:eu-west-1:210987654321:key/2'];
  const policyWith = (given: Record<string, string>) =>
    resourcesWith(template, { ReadBuckets: 'one', ...given }).ReadKeysPolicy;

  it('are decrypted by workers and the page, with these keys only and through S3 only', () => {
    expect(policyWith({})).toBeUndefined();
    const { Roles, PolicyDocument } =
      policyWith({ ReadKeyArns: keys.join(','), WithWeb: 'true' })?.Properties ?? {};
    expect(Roles).toEqual(['<WorkerRole>', '<WebRole>']);
    expect((PolicyDocument as { Statement: Statement[] }).Statement).toEqual([
      {
        Effect: 'Allow',
        Action: 'kms:Decrypt',
        Resource: keys,
        Condition: { StringLike: { 'kms:ViaService': 's3.*.amazonaws.com*' } },
      },
    ]);
  });
});

describe('a group of workers', () => {
  it('keeps its size in updates, and does not end workers that hold messages', () => {
    const { WorkerGroup } = resourcesWith(template, {
      Fleet: 'asg',
      MaxWorkers: '7',
      OnDemandPercentage: '25',
    });
    expect(WorkerGroup?.Properties).toMatchObject({
      MinSize: '0',
      MaxSize: '7',
      NewInstancesProtectedFromScaleIn: true,
      VPCZoneIdentifier: ['subnet-1', 'subnet-2'],
      MixedInstancesPolicy: { InstancesDistribution: { OnDemandPercentageAboveBaseCapacity: '25' } },
    });
    expect(WorkerGroup?.Properties).not.toHaveProperty('DesiredCapacity');
  });

  it('launches on demand unless told otherwise, since it has no way from spot to on demand', () => {
    const { WorkerGroup } = resourcesWith(template, { Fleet: 'asg' });
    expect(WorkerGroup?.Properties).toMatchObject({
      MixedInstancesPolicy: { InstancesDistribution: { OnDemandPercentageAboveBaseCapacity: 100 } },
    });
  });
});

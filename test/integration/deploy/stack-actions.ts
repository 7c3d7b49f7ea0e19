// The actions that CloudFormation needs of a deployer for each type of resource in the template: those of the handlers in AWS's
// schemas of resource types (create, update, delete), without those for properties that the template does not set.

const S3_BUCKET = [
  's3:CreateBucket',
  's3:DeleteBucket',
  's3:ListBucket',
  's3:GetBucketNotification',
  's3:GetBucketOwnershipControls',
  's3:GetBucketPublicAccessBlock',
  's3:GetBucketTagging',
  's3:GetEncryptionConfiguration',
  's3:GetLifecycleConfiguration',
  's3:ListTagsForResource',
  's3:PutBucketCORS',
  's3:PutBucketNotification',
  's3:PutBucketOwnershipControls',
  's3:PutBucketPublicAccessBlock',
  's3:PutBucketTagging',
  's3:PutEncryptionConfiguration',
  's3:PutLifecycleConfiguration',
  's3:TagResource',
  's3:UntagResource',
];

const SECURITY_GROUP = [
  'ec2:CreateSecurityGroup',
  'ec2:DeleteSecurityGroup',
  'ec2:DescribeSecurityGroups',
  'ec2:DescribeInstances',
  'ec2:AuthorizeSecurityGroupEgress',
  'ec2:AuthorizeSecurityGroupIngress',
  'ec2:RevokeSecurityGroupEgress',
  'ec2:RevokeSecurityGroupIngress',
  'ec2:UpdateSecurityGroupRuleDescriptionsEgress',
  'ec2:UpdateSecurityGroupRuleDescriptionsIngress',
  'ec2:CreateTags',
  'ec2:DeleteTags',
];

const ROLE = [
  'iam:CreateRole',
  'iam:DeleteRole',
  'iam:GetRole',
  'iam:UpdateRole',
  'iam:UpdateAssumeRolePolicy',
  'iam:GetRolePolicy',
  'iam:PutRolePolicy',
  'iam:DeleteRolePolicy',
  'iam:AttachRolePolicy',
  'iam:DetachRolePolicy',
  'iam:ListRolePolicies',
  'iam:ListAttachedRolePolicies',
  'iam:TagRole',
  'iam:UntagRole',
];

const MANAGED_POLICY = [
  'iam:CreatePolicy',
  'iam:DeletePolicy',
  'iam:GetPolicy',
  'iam:GetPolicyVersion',
  'iam:CreatePolicyVersion',
  'iam:DeletePolicyVersion',
  'iam:ListPolicyVersions',
  'iam:ListEntitiesForPolicy',
  'iam:AttachRolePolicy',
  'iam:DetachRolePolicy',
];

const GROUP = [
  'autoscaling:CreateAutoScalingGroup',
  'autoscaling:UpdateAutoScalingGroup',
  'autoscaling:DeleteAutoScalingGroup',
  'autoscaling:CreateOrUpdateTags',
  'autoscaling:DeleteTags',
  'autoscaling:DescribeAutoScalingGroups',
  'autoscaling:AttachLoadBalancerTargetGroups',
  'autoscaling:DetachLoadBalancerTargetGroups',
  'ec2:DescribeLaunchTemplateVersions',
  'ec2:RunInstances',
  'elasticloadbalancing:DescribeTargetGroups',
  'iam:CreateServiceLinkedRole',
  'iam:PassRole',
];

const LOAD_BALANCER = [
  'elasticloadbalancing:CreateLoadBalancer',
  'elasticloadbalancing:DeleteLoadBalancer',
  'elasticloadbalancing:DescribeLoadBalancers',
  'elasticloadbalancing:ModifyLoadBalancerAttributes',
  'elasticloadbalancing:SetSecurityGroups',
  'elasticloadbalancing:SetSubnets',
  'elasticloadbalancing:AddTags',
  'elasticloadbalancing:RemoveTags',
  'iam:CreateServiceLinkedRole',
];

const FUNCTION = [
  'lambda:CreateFunction',
  'lambda:DeleteFunction',
  'lambda:GetFunction',
  'lambda:GetFunctionCodeSigningConfig',
  'lambda:GetFunctionRecursionConfig',
  'lambda:GetRuntimeManagementConfig',
  'lambda:UpdateFunctionCode',
  'lambda:UpdateFunctionConfiguration',
  'lambda:PutFunctionConcurrency',
  'lambda:DeleteFunctionConcurrency',
  'lambda:TagResource',
  'lambda:UntagResource',
  'iam:PassRole',
  's3:GetObject',
];

const TOPIC = [
  'sns:CreateTopic',
  'sns:DeleteTopic',
  'sns:GetTopicAttributes',
  'sns:SetTopicAttributes',
  'sns:ListSubscriptionsByTopic',
  'sns:Subscribe',
  'sns:Unsubscribe',
  'sns:ListTagsForResource',
  'sns:TagResource',
  'sns:UntagResource',
];

/** All verbs of one noun of a service. */
const each = (service: string, verbs: readonly string[], noun: string): string[] =>
  verbs.map((verb) => `${service}:${verb}${noun}`);

export const STACK_ACTIONS: Readonly<Record<string, readonly string[]>> = {
  'AWS::AutoScaling::AutoScalingGroup': GROUP,
  'AWS::CloudWatch::Alarm': [
    'cloudwatch:PutMetricAlarm',
    'cloudwatch:DeleteAlarms',
    'cloudwatch:DescribeAlarms',
    ...each('cloudwatch', ['Tag', 'Untag', 'ListTagsFor'], 'Resource'),
  ],
  'AWS::EC2::LaunchTemplate': [
    ...each('ec2', ['Create', 'Delete'], 'LaunchTemplate'),
    'ec2:CreateLaunchTemplateVersion',
    'ec2:DescribeLaunchTemplates',
    ...each('ec2', ['Create', 'Delete'], 'Tags'),
  ],
  'AWS::EC2::SecurityGroup': SECURITY_GROUP,
  'AWS::EC2::SecurityGroupIngress': [
    'ec2:DescribeSecurityGroupRules',
    ...each('ec2', ['Authorize', 'Revoke'], 'SecurityGroupIngress'),
    'ec2:UpdateSecurityGroupRuleDescriptionsIngress',
  ],
  'AWS::EC2::VPCEndpoint': [
    'ec2:CreateVpcEndpoint',
    'ec2:ModifyVpcEndpoint',
    'ec2:DeleteVpcEndpoints',
    ...each('ec2', ['Describe'], 'VpcEndpoints'),
    ...each('ec2', ['Create', 'Delete'], 'Tags'),
  ],
  'AWS::ElasticLoadBalancingV2::Listener': [
    ...each('elasticloadbalancing', ['Create', 'Modify', 'Delete'], 'Listener'),
    ...each('elasticloadbalancing', ['Describe'], 'Listeners'),
    ...each('elasticloadbalancing', ['Modify', 'Describe'], 'ListenerAttributes'),
    ...each('elasticloadbalancing', ['Add', 'Remove', 'Describe'], 'Tags'),
  ],
  'AWS::ElasticLoadBalancingV2::LoadBalancer': LOAD_BALANCER,
  'AWS::ElasticLoadBalancingV2::TargetGroup': [
    ...each('elasticloadbalancing', ['Create', 'Modify', 'Delete'], 'TargetGroup'),
    'elasticloadbalancing:DescribeTargetGroups',
    ...each('elasticloadbalancing', ['Modify', 'Describe'], 'TargetGroupAttributes'),
    ...each('elasticloadbalancing', ['Add', 'Remove'], 'Tags'),
  ],
  'AWS::IAM::InstanceProfile': [
    ...each('iam', ['Create', 'Delete', 'Get', 'AddRoleTo', 'RemoveRoleFrom'], 'InstanceProfile'),
    'iam:PassRole',
  ],
  'AWS::IAM::ManagedPolicy': MANAGED_POLICY,
  'AWS::IAM::Policy': each('iam', ['Get', 'Put', 'Delete'], 'RolePolicy'),
  'AWS::IAM::Role': ROLE,
  'AWS::Lambda::EventInvokeConfig': each(
    'lambda',
    ['Put', 'Get', 'Update', 'Delete'],
    'FunctionEventInvokeConfig',
  ),
  'AWS::Lambda::Function': FUNCTION,
  'AWS::Logs::LogGroup': [
    ...each('logs', ['Create', 'Delete'], 'LogGroup'),
    'logs:DescribeLogGroups',
    'logs:PutRetentionPolicy',
    ...each('logs', ['Tag', 'Untag', 'ListTagsFor'], 'Resource'),
  ],
  'AWS::S3::Bucket': S3_BUCKET,
  'AWS::S3::BucketPolicy': each('s3', ['Get', 'Put', 'Delete'], 'BucketPolicy'),
  'AWS::SNS::Subscription': ['sns:Subscribe', 'sns:Unsubscribe', 'sns:GetSubscriptionAttributes'],
  'AWS::SNS::Topic': TOPIC,
  'AWS::SNS::TopicPolicy': ['sns:SetTopicAttributes'],
  'AWS::SQS::Queue': [
    ...each('sqs', ['Create', 'Delete', 'Tag', 'Untag'], 'Queue'),
    'sqs:GetQueueUrl',
    ...each('sqs', ['Get', 'Set'], 'QueueAttributes'),
    'sqs:ListQueueTags',
  ],
  'AWS::SQS::QueuePolicy': ['sqs:SetQueueAttributes'],
  'AWS::Scheduler::Schedule': [
    ...each('scheduler', ['Create', 'Get', 'Update', 'Delete'], 'Schedule'),
    'iam:PassRole',
  ],
  'AWS::SecretsManager::Secret': [
    ...each('secretsmanager', ['Create', 'Describe', 'Delete'], 'Secret'),
    'secretsmanager:GetRandomPassword',
    ...each('secretsmanager', ['Tag', 'Untag'], 'Resource'),
  ],
};

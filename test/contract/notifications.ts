/** Messages in the form in which S3 sends them to a queue. */

interface EventChanges {
  bucket?: string;
  /** URL-encoded, with `+` for a space, as in the message. */
  key?: string;
  eTag?: string | undefined;
  sequencer?: string;
  eventName?: string;
  eventTime?: string;
  eventVersion?: string;
  eventSource?: string;
}

export function droppedEvent({
  bucket = 'bucket',
  key = 'drop/cat.jpg',
  sequencer = '0055',
  ...changes
}: EventChanges = {}): object {
  const eTag = 'eTag' in changes ? changes.eTag : 'e1';
  return {
    eventVersion: changes.eventVersion ?? '2.1',
    eventSource: changes.eventSource ?? 'aws:s3',
    awsRegion: 'eu-central-1',
    eventTime: changes.eventTime ?? '2026-11-26T07:31:02.123Z',
    eventName: changes.eventName ?? 'ObjectCreated:Put',
    userIdentity: { principalId: 'AWS:EXAMPLE' },
    requestParameters: { sourceIPAddress: '127.0.0.1' },
    responseElements: { 'x-amz-request-id': 'C3D13FE58DE4C810', 'x-amz-id-2': 'FMyUVURIY8' },
    s3: {
      s3SchemaVersion: '1.0',
      configurationId: 'drop',
      bucket: {
        name: bucket,
        ownerIdentity: { principalId: 'A3NL1KOZZKExample' },
        arn: `arn:aws:s3:::${bucket}`,
      },
      object: { key, size: 1024, eTag, versionId: '096fKKXTRTtl3on89fVO.nfljtsv6qko', sequencer },
    },
  };
}

export const notificationOf = (...events: object[]): string => JSON.stringify({ Records: events });

export const TEST_EVENT = JSON.stringify({
  Service: 'Amazon S3',
  Event: 's3:TestEvent',
  Time: '2026-11-26T07:00:00.000Z',
  Bucket: 'bucket',
  RequestId: '5582815E1AEA5ADF',
  HostId: '8cLeGAmw098X5cv4Zkwcmo8vvZa3eH3eKxsPzbB9wrR',
});

/** As a topic of SNS delivers it, unless it is set to raw messages. */
export const throughSns = (message: string): string =>
  JSON.stringify({
    Type: 'Notification',
    MessageId: '22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324',
    TopicArn: 'arn:aws:sns:eu-central-1:123456789012:photographs',
    Subject: 'Amazon S3 Notification',
    Message: message,
    Timestamp: '2026-11-26T07:31:02.500Z',
    SignatureVersion: '1',
    Signature: 'EXAMPLE',
  });

/** An event of EventBridge. The key is as it is, without encoding. */
export const eventBridgeEvent = (key: string, type = 'Object Created'): string =>
  JSON.stringify({
    version: '0',
    id: '17793124-05d4-b198-2fde-7ededc63b103',
    'detail-type': type,
    source: 'aws.s3',
    account: '123456789012',
    time: '2026-11-26T07:31:02Z',
    region: 'eu-central-1',
    resources: ['arn:aws:s3:::bucket'],
    detail: {
      version: '0',
      bucket: { name: 'bucket' },
      object: { key, size: 1024, etag: 'e1', sequencer: '0055' },
      reason: 'PutObject',
    },
  });

import { describe, expect, it } from 'vitest';
import { awsError } from '../../../src/aws/errors.ts';
import { DamagedError, ImgclsError, ObjectMissingError } from '../../../src/core/runtime/errors.ts';

const sdkError = (name: string, fields: object = {}) =>
  Object.assign(new Error(`${name} by AWS`), { name, ...fields });

describe('errors of AWS', () => {
  it.each([
    sdkError('SlowDown', { $fault: 'client', $metadata: { httpStatusCode: 503 } }),
    sdkError('InternalError', { $fault: 'server' }),
    sdkError('RequestThrottled', { $fault: 'client', $metadata: { httpStatusCode: 400 } }),
    sdkError('AWS.SimpleQueueService.RequestThrottled'),
    sdkError('Whatever', { $metadata: { httpStatusCode: 502 } }),
    sdkError('Whatever', { $metadata: { httpStatusCode: 429 } }),
    sdkError('Whatever', { $retryable: { throttling: true } }),
    sdkError('TimeoutError'),
    sdkError('Error', { code: 'ECONNRESET' }),
    sdkError('AggregateError', { code: 'ECONNREFUSED' }),
    sdkError('Error', { code: 'ENOTFOUND' }),
    sdkError('OverLimit', { $fault: 'client', $metadata: { httpStatusCode: 403 } }),
    new Error('Checksum mismatch: expected "a" but received "b"'),
    new Error('Invalid MD5 checksum on messages: 1'),
  ])('is transient: %s', (error) => {
    expect(awsError(error, 'do it')).toMatchObject({ kind: 'transient', cause: error });
  });

  it('distinguishes a checksum mismatch from other errors', () => {
    expect(awsError(new Error('Checksum mismatch: expected "a"'), 'x')).toBeInstanceOf(DamagedError);
    expect(awsError(sdkError('SlowDown'), 'x')).not.toBeInstanceOf(DamagedError);
  });

  it.each([
    ['AccessDenied', {}, 'access is denied', 'permissions'],
    ['Forbidden', { $metadata: { httpStatusCode: 403 } }, 'access is denied', 'permissions'],
    ['403', { $metadata: { httpStatusCode: 403 } }, 'access is denied', 'permissions'],
    ['NoSuchBucket', {}, 'the bucket does not exist', 'imgcls deploy'],
    ['InvalidAccessKeyId', {}, 'does not recognise the credentials', 'AWS_ACCESS_KEY_ID'],
    ['InvalidClientTokenId', {}, 'does not recognise the credentials', 'AWS_ACCESS_KEY_ID'],
    ['SignatureDoesNotMatch', {}, 'SignatureDoesNotMatch by AWS', 'clock'],
    ['ExpiredToken', {}, 'have expired', 'aws sso login'],
    ['ExpiredTokenException', {}, 'have expired', 'aws sso login'],
    ['PermanentRedirect', {}, 'in another region', 'AWS_REGION'],
    ['301', { $metadata: { httpStatusCode: 301 } }, '301', 'AWS_REGION'],
    ['400', { $metadata: { httpStatusCode: 400 } }, '400', 'Expired credentials'],
    ['RequestTimeTooSkewed', {}, 'the clock of this machine', 'time synchronisation'],
    ['501', { $fault: 'server', $metadata: { httpStatusCode: 501 } }, '501', 'WHEN_REQUIRED'],
    ['InvalidObjectState', {}, 'archived', 'Restore'],
  ])('is permanent, with a hint for the person who can fix it: %s', (name, fields, message, hint) => {
    const error = awsError(sdkError(name, fields), 'read s3://b/k');
    expect(error).toMatchObject({
      kind: 'permanent',
      message: expect.stringMatching(/^Could not read s3:\/\/b\/k: .*\.$/),
      hint: expect.stringContaining(hint),
    });
    expect(error.message).toContain(message);
  });

  it('wrong settings of this machine are a config error', () => {
    expect(awsError(new Error('Region is missing'), 'x')).toMatchObject({ kind: 'config' });
    expect(awsError(sdkError('CredentialsProviderError'), 'x')).toMatchObject({ kind: 'config' });
  });

  it('gives advice on credentials only where a refusal has no code of its own', () => {
    const tooLong = sdkError('KeyTooLongError', { $metadata: { httpStatusCode: 400 } });
    expect(awsError(tooLong, 'x')).toMatchObject({ kind: 'permanent', hint: undefined });
  });

  it.each([
    ['ERR_INVALID_URL', 'the endpoint is not a URL', 'http://127.0.0.1:9000'],
    ['EPROTO', 'does not answer in TLS', 'http:// instead of https://'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'not from a known authority', 'NODE_EXTRA_CA_CERTS'],
  ])('says what is wrong with the endpoint: %s', (code, message, hint) => {
    expect(awsError(sdkError('Error', { code }), 'x')).toMatchObject({
      kind: 'config',
      message: expect.stringContaining(message),
      hint: expect.stringContaining(hint),
    });
  });

  it('says that a response did not come from AWS, not how parsing failed', () => {
    const html = Object.assign(
      new Error('mismatched tags.\n  Deserialization error: to see the raw response'),
      {
        $metadata: { httpStatusCode: 404 },
      },
    );
    expect(awsError(html, 'x')).toMatchObject({
      kind: 'permanent',
      message: expect.stringContaining('HTTP 404'),
    });
    html.$metadata.httpStatusCode = 200;
    expect(awsError(html, 'x')).toMatchObject({ kind: 'transient' });
    html.$metadata.httpStatusCode = 501;
    expect(awsError(html, 'x')).toMatchObject({ kind: 'permanent' });
  });

  it('an unknown error is permanent and keeps its message', () => {
    const error = awsError(new TypeError('something else.'), 'do it');
    expect(error).toMatchObject({
      kind: 'permanent',
      message: 'Could not do it: something else.',
      hint: undefined,
    });
    expect(awsError('text', 'do it')).toBeInstanceOf(ImgclsError);
  });

  it('leaves errors of ours alone', () => {
    const error = new ObjectMissingError('b', 'k');
    expect(awsError(error, 'x')).toBe(error);
  });
});

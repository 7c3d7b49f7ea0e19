// Names that the test's machines and its fake AWS share.

export const BUCKETS = { inputBucket: 'test-input', outputBucket: 'test-output' };
export const LAUNCH_TEMPLATE = 'imgcls-default';

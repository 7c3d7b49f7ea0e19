/** What the machines of the test and their AWS agree on. */
export const BUCKETS = { inputBucket: 'test-input', outputBucket: 'test-output' };
export const LAUNCH_TEMPLATE = 'imgcls-default';

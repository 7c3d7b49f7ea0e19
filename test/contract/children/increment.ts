/** Adds one to a counter object, `count` times, while other processes do the same. */
import { PreconditionFailedError } from '../../../src/core/runtime/errors.ts';
import { createLocalCloud } from '../../../src/local/cloud.ts';

const [dataDir = '', count = '0'] = process.argv.slice(2);
const cloud = createLocalCloud({ dataDir, cluster: 'test' });
for (let done = 0; done < Number(count); ) {
  const { info, body } = await cloud.output.get('counter');
  const next = Buffer.from(String(Number(Buffer.from(body)) + 1));
  try {
    await cloud.output.put('counter', next, { only: { etag: info.etag } });
    done++;
  } catch (error) {
    if (!(error instanceof PreconditionFailedError)) throw error;
  }
}
await cloud.close();
process.disconnect();

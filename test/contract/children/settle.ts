/** Waits for the exit event of a child that has already ended, with no other work: prints it, or ends too early. */
import { openSync } from 'node:fs';
import { Children } from '../../../src/scaler/drivers/children.ts';
import { isAlive } from '../../../src/scaler/drivers/processes.ts';
import type { WorkerFiles } from '../../../src/scaler/drivers/worker-files.ts';

const log = { fd: openSync('/dev/null', 'w'), close: async () => {} };
const files = { openLog: async () => log } as unknown as WorkerFiles;
const children = new Children(files);
let pid = 0;
await children.start('w', [process.execPath, '-e', '0', '--'], process.env, (started) => {
  pid = started;
});
// Blocks the event loop, so that the child has ended before its exit event is handled.
while (isAlive({ pid }));
await children.handleExits(async ({ id, code }) => {
  process.stdout.write(`${id} ended with ${code}\n`);
});

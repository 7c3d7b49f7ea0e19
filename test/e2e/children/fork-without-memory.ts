/** `node --import`: this machine has no memory for another process. Node throws that, as it does not turn it into an event. */
import childProcess from 'node:child_process';
import { syncBuiltinESMExports } from 'node:module';

childProcess.fork = () => {
  throw Object.assign(new Error('spawn ENOMEM'), { code: 'ENOMEM', errno: -12, syscall: 'spawn' });
};
syncBuiltinESMExports();

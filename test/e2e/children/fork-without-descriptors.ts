/** Lets forks fail as they do where a process has as many open files as it may have. */
import childProcess from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const { fork } = childProcess;
childProcess.fork = ((...args: Parameters<typeof fork>) => {
  const opened: number[] = [];
  try {
    for (;;) opened.push(openSync('/dev/null', 'r'));
  } catch {
    return fork(...args);
  } finally {
    for (const fd of opened) closeSync(fd);
  }
}) as typeof fork;
syncBuiltinESMExports();

/** Identifying processes that are not children of this one. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { identify, processesOfThisMachine } from '../../src/scaler/drivers/processes.ts';

describe('another process', () => {
  let child: ChildProcess;
  beforeEach(async () => {
    child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
    await once(child, 'spawn');
  });
  afterEach(() => void child.kill('SIGKILL'));
  const known = processesOfThisMachine();
  if (known === undefined) throw new Error('This system does not identify its processes.');
  const { own, hasEnded } = known;
  const located = () => ({ machine: own.machine, ...identify(child.pid ?? 0) });

  it('has ended after it was killed', async () => {
    const process = located();
    expect(hasEnded(process)).toBe(false);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(hasEnded(process)).toBe(true);
  });

  it.skipIf(process.platform !== 'linux')('has ended if its id belongs to a later process', () => {
    expect(hasEnded({ ...located(), startTicks: '1' })).toBe(true);
  });

  it('may be alive in another container, which has process ids of its own', () => {
    const { machine } = own;
    expect(machine).toMatch(process.platform === 'linux' ? / pid:\[\d+\]/ : /./);
    const elsewhere = machine.replace(/\d+\]$/, '1]');
    expect(hasEnded({ ...located(), startTicks: '1', machine: elsewhere })).toBe(elsewhere === machine);
  });

  it('may be alive on another machine', () => {
    expect(hasEnded({ ...located(), startTicks: '1', machine: 'another' })).toBe(false);
  });

  it('is alive if it is this process', () => {
    expect(hasEnded(own)).toBe(false);
  });
});

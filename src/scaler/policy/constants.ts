/** The numbers of the policy's rules. Pure. */

export interface PolicyConstants {
  /** A machine whose boot takes most of the target time is planned to work for at least this share of it. */
  minWorkShare: number;
  /** A second that work waits is worth so many seconds of a machine. */
  waitWorth: number;
  /** Of the launches beyond those for the target, each must save so much: boots of processes take a fraction of a second. */
  leastSavedMs: number;
  /** Besides the machines that a stream keeps busy, there are as many as do the standing backlog in this time. */
  catchUpMs: number;
  /** A stream has no backlog if its machines do what is there in this time. */
  caughtUpMs: number;
  /** No machine is launched for a smaller part of a machine's load, and none is kept for a still smaller one. */
  launchShare: number;
  keepShare: number;
  /** A machine that boots for so many usual boot times may never become ready. */
  overdueBoots: number;
  /** Without --idle-seconds a machine may idle for this share of its age, within these bounds. */
  idleShare: number;
  minIdleMs: number;
  maxIdleMs: number;
  /** Standby lasts as long as the usual pause and so many times the difference from it, and at most this many times what it saves. */
  standbyDifferences: number;
  standbySavings: number;
  /** Most pauses differ less from the usual one: a lunch break among jobs of every minute does not count. */
  differenceShare: number;
  /** The difference is at least the usual pause divided by the number of pauses, and by this: few are regular by chance. */
  mostRegular: number;
  /** Work is a stream if it arrived in each of three parts of the last time. A part lasts so many usual pauses, within these bounds. */
  pausesOfPart: number;
  minPartMs: number;
  maxPartMs: number;
}

/** Set by hand. `npm run bench:tune` searches better ones. */
export const policyConstants: PolicyConstants = {
  minWorkShare: 0.5,
  waitWorth: 4,
  leastSavedMs: 5000,
  catchUpMs: 600_000,
  caughtUpMs: 10_000,
  launchShare: 0.5,
  keepShare: 0.3,
  overdueBoots: 2,
  idleShare: 0.05,
  minIdleMs: 5000,
  maxIdleMs: 120_000,
  standbyDifferences: 15,
  standbySavings: 3,
  differenceShare: 0.75,
  mostRegular: 20,
  pausesOfPart: 2,
  minPartMs: 30_000,
  maxPartMs: 120_000,
};

export const constantsOf = ({
  constants = policyConstants,
}: {
  constants?: PolicyConstants;
}): PolicyConstants => constants;

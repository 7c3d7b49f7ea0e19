/**
 * What the state of a stack allows.
 *
 *     none, REVIEW_IN_PROGRESS --------------------------> create
 *     *_COMPLETE, UPDATE_FAILED -------------------------> update
 *     ROLLBACK_COMPLETE, CREATE_FAILED ------------------> clear: it holds nothing that works, and cannot be updated
 *     *_IN_PROGRESS -------------------------------------> wait: somebody else's deployment
 *     *ROLLBACK_FAILED, DELETE_FAILED -------------------> stuck: a person has to look
 */

import type { Stack } from '../core/aws-account/stacks.ts';
import { ImgclsError } from '../core/runtime/errors.ts';

export type NextStep = 'create' | 'update' | 'clear' | 'wait' | 'stuck';

/** A shell that a change set was made for, and nothing else yet. */
export const isReviewInProgress = ({ status }: Pick<Stack, 'status'>): boolean =>
  status === 'REVIEW_IN_PROGRESS';

export const isUnderWay = (status: string): boolean => status.endsWith('_IN_PROGRESS');

/** Whether a deployment that ended so did what it was to do. */
export const isSuccess = (status: string): boolean =>
  status === 'CREATE_COMPLETE' || status === 'UPDATE_COMPLETE';

export function nextStep(stack: Pick<Stack, 'status'> | undefined): NextStep {
  if (stack === undefined || isReviewInProgress(stack)) return 'create';
  const { status } = stack;
  if (isUnderWay(status)) return 'wait';
  if (status === 'ROLLBACK_COMPLETE' || status === 'CREATE_FAILED') return 'clear';
  if (status.endsWith('ROLLBACK_FAILED') || status === 'DELETE_FAILED') return 'stuck';
  return 'update';
}

/** Why nothing can be deployed onto a stack that is stuck, and the way out. */
export function stuckError({ name, status, reason }: Stack): ImgclsError {
  const why = reason === undefined ? '' : `: ${reason.replace(/\.$/, '')}`;
  return new ImgclsError('permanent', `Stack ${name} is in state ${status}${why}.`, {
    hint:
      status === 'UPDATE_ROLLBACK_FAILED'
        ? `An update failed, and taking it back failed too. Remove the cause, then: aws cloudformation continue-update-rollback --stack-name ${name}`
        : 'Something of it could not be deleted. "imgcls destroy" tries again and says what is in the way.',
  });
}

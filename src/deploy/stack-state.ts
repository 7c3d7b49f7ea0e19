/**
 * The next step that the state of a stack allows.
 *
 *     none, REVIEW_IN_PROGRESS --------------------------> create
 *     *_COMPLETE, UPDATE_FAILED -------------------------> update
 *     ROLLBACK_COMPLETE, ROLLBACK_FAILED, CREATE_FAILED -> clear: its first deployment failed, and it cannot be updated
 *     *_IN_PROGRESS -------------------------------------> wait: another deployment is in progress
 *     UPDATE_ROLLBACK_FAILED, DELETE_FAILED -------------> stuck: needs manual repair
 */

import type { Stack } from '../core/aws-account/stacks.ts';
import { ImgclsError } from '../core/runtime/errors.ts';

export type NextStep = 'create' | 'update' | 'clear' | 'wait' | 'stuck';

/** The stack is empty and only has a change set. */
export const isReviewInProgress = ({ status }: Pick<Stack, 'status'>): boolean =>
  status === 'REVIEW_IN_PROGRESS';

export const isInProgress = (status: string): boolean => status.endsWith('_IN_PROGRESS');

/** Whether a deployment with this final status succeeded. */
export const isSuccess = (status: string): boolean =>
  status === 'CREATE_COMPLETE' || status === 'UPDATE_COMPLETE';

export function nextStep(stack: Pick<Stack, 'status'> | undefined): NextStep {
  if (stack === undefined || isReviewInProgress(stack)) return 'create';
  const { status } = stack;
  if (isInProgress(status)) return 'wait';
  if (['ROLLBACK_COMPLETE', 'ROLLBACK_FAILED', 'CREATE_FAILED'].includes(status)) return 'clear';
  if (status.endsWith('ROLLBACK_FAILED') || status === 'DELETE_FAILED') return 'stuck';
  return 'update';
}

/** Why a stuck stack cannot be deployed, and how to repair it. */
export function stuckError({ name, status, reason }: Stack): ImgclsError {
  const why = reason === undefined ? '' : `: ${reason.replace(/\.$/, '')}`;
  return new ImgclsError('permanent', `Stack ${name} is in state ${status}${why}.`, {
    hint:
      status === 'UPDATE_ROLLBACK_FAILED'
        ? `An update and its rollback failed. Fix the cause, then run: aws cloudformation continue-update-rollback --stack-name ${name}`
        : 'Some resources could not be deleted. Run "imgcls destroy" to try again and to see the cause.',
  });
}

/** Which parameters a stack gets: those that were asked for, those found out, else those that it has. */

import type { ParameterChoice, TemplateSummary } from '../core/aws-account/stacks.ts';
import { ImgclsError } from '../core/runtime/errors.ts';

/** A parameter as it was asked for. */
export interface RequestedParameter {
  /** How a person asked: `--max`. */
  flag: string;
  parameter: string;
  value: string;
}

export interface ParameterSources {
  summary: TemplateSummary;
  /** Of the stack as it stands. */
  previous: Readonly<Record<string, string>>;
  wanted: readonly RequestedParameter[];
  /** Found out by looking at the account; undefined where the stack's own may stay. */
  found: Readonly<Record<string, string | undefined>>;
}

/**
 * A deployment without a flag leaves alone what another has set with it.
 * @throws {ImgclsError} of kind `usage` where the template has no such parameter, or wants one that nobody gave.
 */
export function chooseParameters(sources: ParameterSources): Record<string, ParameterChoice> {
  const { summary, previous, wanted, found } = sources;
  const declared = summary.parameters.map(({ name }) => name);
  const unknown = wanted.filter(({ parameter }) => !declared.includes(parameter));
  if (unknown.length > 0) {
    const each = unknown.map(({ flag, parameter }) => `${parameter} (${flag})`);
    throw new ImgclsError('usage', `The template has no parameter ${each.join(', ')}.`, {
      hint: `It has ${declared.join(', ')}.`,
    });
  }
  const chosen: Record<string, ParameterChoice> = {};
  const missing: string[] = [];
  for (const { name, fallback } of summary.parameters) {
    const value = wanted.find(({ parameter }) => parameter === name)?.value ?? found[name];
    if (value !== undefined) chosen[name] = { value };
    else if (name in previous) chosen[name] = 'previous';
    else if (fallback === undefined) missing.push(name);
  }
  if (missing.length > 0) {
    throw new ImgclsError('usage', `The template wants ${missing.join(', ')}, which nobody gave.`, {
      hint: `Give --parameter ${missing[0]}=VALUE.`,
    });
  }
  return chosen;
}

/** What a parameter will be; undefined where the template lacks it. */
export function parameterValue(
  name: string,
  { summary, previous, wanted }: Omit<ParameterSources, 'found'>,
): string | undefined {
  const declared = summary.parameters.find((parameter) => parameter.name === name);
  if (declared === undefined) return undefined;
  return wanted.find(({ parameter }) => parameter === name)?.value ?? previous[name] ?? declared.fallback;
}

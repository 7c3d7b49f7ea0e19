// Evaluates conditions of the source for a run with known facts.

import ts from 'typescript';

/** The value of a string union, by all its members in order: `{ 'aws|local': 'aws' }`. */
export type Facts = Readonly<Record<string, string>>;

/** Whether a condition holds; undefined when the facts do not decide it. */
export function conditionValue(
  checker: ts.TypeChecker,
  facts: Facts,
  condition: ts.Expression,
): boolean | undefined {
  const value = (node: ts.Expression): boolean | undefined => conditionValue(checker, facts, node);
  if (ts.isParenthesizedExpression(condition)) return value(condition.expression);
  if (ts.isPrefixUnaryExpression(condition) && condition.operator === ts.SyntaxKind.ExclamationToken)
    return not(value(condition.operand));
  if (!ts.isBinaryExpression(condition)) return undefined;
  const { left, right, operatorToken } = condition;
  switch (operatorToken.kind) {
    case ts.SyntaxKind.AmpersandAmpersandToken:
      return not(or(not(value(left)), not(value(right))));
    case ts.SyntaxKind.BarBarToken:
      return or(value(left), value(right));
    case ts.SyntaxKind.EqualsEqualsEqualsToken:
      return isWord(checker, facts, left, right);
    case ts.SyntaxKind.ExclamationEqualsEqualsToken:
      return not(isWord(checker, facts, left, right));
    default:
      return undefined;
  }
}

function isWord(
  checker: ts.TypeChecker,
  facts: Facts,
  choice: ts.Expression,
  word: ts.Expression,
): boolean | undefined {
  if (!ts.isStringLiteral(word)) return undefined;
  const words = constituents(checker.getTypeAtLocation(choice)).flatMap((type) =>
    type.isStringLiteral() ? [type.value] : [],
  );
  const fact = facts[words.toSorted().join('|')];
  return fact === undefined ? undefined : fact === word.text;
}

const not = (value: boolean | undefined): boolean | undefined => (value === undefined ? undefined : !value);

function or(left: boolean | undefined, right: boolean | undefined): boolean | undefined {
  if (left === true || right === true) return true;
  return left === undefined || right === undefined ? undefined : false;
}

/** Whether the statement always leaves its block. */
export const leaves = (statement: ts.Statement): boolean =>
  ts.isReturnStatement(statement) ||
  ts.isThrowStatement(statement) ||
  (ts.isBlock(statement) && statement.statements.some(leaves));

/** The members of a union; for another type, the type itself. */
export const constituents = (type: ts.Type): readonly ts.Type[] => (type.isUnion() ? type.types : [type]);

/** Texts in the source: what a string, a template or a constant says, as a reader meets it. */
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

const ROOT = path.join(import.meta.dirname, '../..');

/** All files of the program but the page, in a fixed order. */
export const sourceFiles = (): ts.SourceFile[] =>
  globSync('src/**/*.ts', { cwd: ROOT, exclude: ['src/web/page/**'] })
    .sort()
    .map((file) => {
      const text = readFileSync(path.join(ROOT, file), 'utf8');
      return ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
    });

export function visit(node: ts.Node, see: (node: ts.Node) => void): void {
  see(node);
  ts.forEachChild(node, (child) => visit(child, see));
}

/** More alternatives of one text than a reader would want to tell apart. */
const MAX_ALTERNATIVES = 8;

/** What the expression can say: several texts for `a ? b : c`, and `{name}` for a value. Empty if it is no text. */
export function textsOf(expression: ts.Expression | undefined): string[] {
  return expression === undefined ? [] : texts(expression, []).slice(0, MAX_ALTERNATIVES);
}

/** @param inside the constants that lead here: one may be made of itself. */
function texts(expression: ts.Expression, inside: readonly ts.Node[]): string[] {
  if (ts.isStringLiteralLike(expression)) return [expression.text];
  if (ts.isParenthesizedExpression(expression)) return texts(expression.expression, inside);
  if (ts.isConditionalExpression(expression))
    return [...texts(expression.whenTrue, inside), ...texts(expression.whenFalse, inside)];
  if (ts.isTemplateExpression(expression))
    return expression.templateSpans.reduce(
      (before, { expression: value, literal }) =>
        combined(before, valueTexts(value, inside), (a, b) => `${a}${b}${literal.text}`),
      [expression.head.text],
    );
  if (ts.isBinaryExpression(expression) && expression.operatorToken.kind === ts.SyntaxKind.PlusToken)
    return combined(texts(expression.left, inside), texts(expression.right, inside), (a, b) => a + b);
  if (ts.isIdentifier(expression)) {
    const constant = constantOf(expression);
    if (constant !== undefined && !inside.includes(constant)) return texts(constant, [...inside, constant]);
  }
  return [];
}

const combined = (
  left: readonly string[],
  right: readonly string[],
  join: (a: string, b: string) => string,
) => left.flatMap((a) => right.map((b) => join(a, b))).slice(0, MAX_ALTERNATIVES);

function valueTexts(value: ts.Expression, inside: readonly ts.Node[]): string[] {
  const known = texts(value, inside);
  return known.length > 0 ? known : [`{${nameOf(value)}}`];
}

/** The value of the constant of this name in the same file, the nearest one around it first. */
function constantOf(name: ts.Identifier): ts.Expression | undefined {
  for (let scope: ts.Node = name.parent; scope !== undefined; scope = scope.parent) {
    if (!ts.isBlock(scope) && !ts.isSourceFile(scope)) continue;
    for (const statement of scope.statements) {
      if (!ts.isVariableStatement(statement)) continue;
      const found = statement.declarationList.declarations.find(
        ({ name: declared }) => ts.isIdentifier(declared) && declared.text === name.text,
      );
      if (found?.initializer !== undefined) return found.initializer;
    }
  }
  return undefined;
}

/** A word for a value: `job.id` is "id", `messageOf(error)` "error", `ids.join(', ')` "ids", and `MAX_FILES` "max files". */
function nameOf(value: ts.Expression): string {
  if (ts.isIdentifier(value)) return spoken(value.text);
  if (ts.isPropertyAccessExpression(value)) return spoken(value.name.text.replace('#', ''));
  if (ts.isCallExpression(value)) {
    const [argument] = value.arguments;
    const isOfOneValue = argument !== undefined && !ts.isLiteralExpression(argument);
    if (isOfOneValue && !ts.isFunctionLike(argument)) return nameOf(argument);
    const { expression: called } = value;
    return nameOf(ts.isPropertyAccessExpression(called) ? called.expression : called);
  }
  if (ts.isBinaryExpression(value)) return nameOf(value.left);
  if (ts.isNonNullExpression(value) || ts.isAsExpression(value) || ts.isAwaitExpression(value))
    return nameOf(value.expression);
  return '...';
}

const spoken = (name: string): string =>
  /^[A-Z0-9_]+$/.test(name) ? name.toLowerCase().replaceAll('_', ' ') : name;

/** The value of a property that is written as `{ name: value }` or `{ name }`. */
export function propertyOf(expression: ts.Expression | undefined, name: string): ts.Expression | undefined {
  if (expression === undefined || !ts.isObjectLiteralExpression(expression)) return undefined;
  for (const property of expression.properties) {
    if (property.name === undefined || property.name.getText() !== name) continue;
    if (ts.isPropertyAssignment(property)) return property.initializer;
    if (ts.isShorthandPropertyAssignment(property)) return property.name;
  }
  return undefined;
}

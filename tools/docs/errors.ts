/** Every error that a command or a program may meet, with what to do. */
import ts from 'typescript';
import { CAUSES } from '../../src/aws/error-causes.ts';
import { errorCode } from '../../src/core/model/outcome.ts';
import { code, escaped, page, table } from './markdown.ts';
import { propertyOf, sourceFiles, textsOf, visit } from './source-text.ts';

interface ErrorText {
  kind: string;
  message: string;
  hint: string;
}

/** The kinds of the error classes that are made with a message alone: `new PoisonError(message)`. */
function kindsByClass(files: readonly ts.SourceFile[]): ReadonlyMap<string, string> {
  const kinds = new Map<string, string>();
  for (const file of files)
    visit(file, (node) => {
      if (!ts.isClassDeclaration(node) || node.name === undefined) return;
      const made = node.members.find(ts.isConstructorDeclaration);
      if (made?.parameters[0]?.name.getText(file) !== 'message') return;
      visit(made, (inner) => {
        if (!isSuperCall(inner)) return;
        const [kind] = textsOf(inner.arguments[0]);
        if (kind !== undefined) kinds.set(node.name?.text ?? '', kind);
      });
    });
  return kinds;
}

const isSuperCall = (node: ts.Node): node is ts.CallExpression =>
  ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.SuperKeyword;

/** `new ImgclsError(kind, message, { hint })`, what its subclasses pass on, and `new PoisonError(message)`. */
function errorsOf(file: ts.SourceFile, kinds: ReadonlyMap<string, string>): ErrorText[] {
  const errors: ErrorText[] = [];
  const add = (kind: string, message: ts.Expression | undefined, options?: ts.Expression) => {
    const [hint = ''] = textsOf(propertyOf(options, 'hint'));
    errors.push(...textsOf(message).map((text) => ({ kind, message: text, hint })));
  };
  visit(file, (node) => {
    const isNew = ts.isNewExpression(node);
    if (!isNew && !isSuperCall(node)) return;
    const [first, second, third] = node.arguments ?? [];
    const kind = isNew ? kinds.get(node.expression.getText(file)) : undefined;
    if (kind !== undefined) add(kind, first, second);
    else if (isSuperCall(node) || node.expression.getText(file) === 'ImgclsError')
      add(textsOf(first)[0] ?? '', second, third);
  });
  return errors;
}

/** What SQLite and the file system report: `[kind, problem, hint]` in one file. */
function faultsOf(files: readonly ts.SourceFile[]): string[][] {
  const faults: string[][] = [];
  const file = files.find(({ fileName }) => fileName === 'src/local/faults.ts');
  if (file === undefined) throw new Error('The file of faults has moved.');
  visit(file, (node) => {
    if (!ts.isArrayLiteralExpression(node)) return;
    const [kind = '', problem, hint = ''] = node.elements.map((each) => textsOf(each)[0]);
    if (kind in KINDS && problem !== undefined) faults.push([escaped(problem), escaped(hint)]);
  });
  return faults;
}

/** What AWS and other servers answer. */
const causeRows = (): string[][] =>
  CAUSES.map(({ codes, reason, hint }) => [
    codes.map(code).join(', '),
    escaped(reason ?? "the server's own words"),
    escaped(hint),
  ]);

/** Responses of the service. */
function problemsOf(file: ts.SourceFile): string[][] {
  const problems: string[][] = [];
  visit(file, (node) => {
    if (!ts.isNewExpression(node) || node.expression.getText(file) !== 'HttpProblem') return;
    const [status, detail, options] = node.arguments ?? [];
    if (status === undefined || !ts.isNumericLiteral(status)) return;
    const [hint = ''] = textsOf(propertyOf(options, 'hint'));
    for (const text of textsOf(detail)) problems.push([status.text, escaped(text), escaped(hint)]);
  });
  return problems;
}

const KINDS: Readonly<Record<string, string>> = {
  usage: 'The command or the call is wrong',
  config: 'A setting is wrong or missing',
  permanent: 'A person must change something',
  transient: 'A retry may help',
  poison: 'A message that no worker can process',
};

const sortedByText = <T>(rows: readonly T[], text: (row: T) => string): T[] =>
  rows.toSorted((a, b) => (text(a) < text(b) ? -1 : 1));

export function errorsPage(): string {
  const files = sourceFiles();
  const kinds = kindsByClass(files);
  const byKind = Map.groupBy(
    files.flatMap((file) => errorsOf(file, kinds)),
    ({ kind }) => kind,
  );
  const sections = Object.entries(KINDS).map(([kind, title]) => {
    const rows = sortedByText(byKind.get(kind) ?? [], ({ message }) => message);
    const cells = rows.map(({ message, hint }) => [escaped(message), escaped(hint)]);
    return `## ${title}\n\nErrors of kind \`${kind}\`.\n\n${table(['message', 'what to do'], unique(cells))}`;
  });
  const problems = sortedByText(unique(files.flatMap(problemsOf)), (row) => row.join());
  return page(
    'Errors',
    'Every error message, by its kind, with the hint that is printed below it. `{name}` stands for a value. [Troubleshooting](../troubleshooting.md) explains the frequent ones.',
    `An image that cannot be labelled has an error outcome with one of these codes: ${errorCode.options.map((each) => `[${code(each)}](../troubleshooting.md#${each})`).join(', ')}.`,
    ...sections,
    '## AWS and other servers',
    'The message is `Could not {what}: {reason}.`, by the code that the server or the network reported.',
    table(['code', 'reason', 'what to do'], causeRows()),
    '## The data folder',
    'The message is `The embedded cloud in {where} failed: {problem}.`.',
    table(['problem', 'what to do'], unique(faultsOf(files))),
    '## Responses of the REST service',
    'As `application/problem+json` (RFC 9457): `detail` and `hint`. Errors of the kinds above come as 409 (`usage`), 503 (`config`, `transient`) and 500.',
    table(['status', 'detail', 'hint'], problems),
  );
}

const unique = (rows: readonly string[][]): string[][] => [
  ...new Map(rows.map((row) => [row.join('\n'), row])).values(),
];

/**
 * Which calls of AWS a part of the program can make, read from its source: follows every reference from an entry, through
 * ports and interfaces to whatever implements them, to the commands of the SDK. Errs towards too many, never too few.
 */
import path from 'node:path';
import ts from 'typescript';

const ROOT = path.join(import.meta.dirname, '../../..');
const SOURCES = `${path.join(ROOT, 'src')}${path.sep}`;
const KEYS = path.join(ROOT, 'src/core/keys.ts');
const SDK_CLIENT = /node_modules\/@aws-sdk\/client-([a-z0-9-]+)\//;

/** What a choice of two words comes to in the run that is asked about, by both words in order: `{ 'aws|local': 'aws' }`. */
export type Facts = Readonly<Record<string, string>>;

export interface SdkCall {
  /** The last part of the client's package and the command: `s3 PutObject`. */
  name: string;
  /** The input fields that some caller may set. */
  fields: Set<string>;
  /** From the entry to the function that makes the call. */
  path: string[];
}

export interface Reach {
  calls: Map<string, SdkCall>;
  /** What is used of src/core/keys.ts: the keys and queues that are spoken of. */
  keys: Set<string>;
  /** Functions of ours that are called through an interface, and nothing was found that would run. */
  unanswered: string[];
}

/** The program's source, parsed and typed once for many questions. */
export class SourceGraph {
  readonly #checker: ts.TypeChecker;
  readonly #program: ts.Program;
  /** From each function that is a member of a class or object to the members of interfaces and classes it stands in for. */
  readonly #promises = new Map<ts.Node, ts.Node[]>();

  constructor() {
    const config = ts.readConfigFile(path.join(ROOT, 'tsconfig.json'), ts.sys.readFile);
    const { options } = ts.parseJsonConfigFileContent(config.config, ts.sys, ROOT);
    const entries = ['src/index.ts', 'src/cli/main.ts'].map((file) => path.join(ROOT, file));
    this.#program = ts.createProgram(entries, options);
    this.#checker = this.#program.getTypeChecker();
    for (const file of this.#program.getSourceFiles()) if (isOurs(file)) this.#index(file);
  }

  /** @param entries modules whose exports are called, relative to the repository. */
  reach(entries: readonly string[], facts: Facts): Reach {
    const tour = new Tour(this.#checker, this.#promises, facts);
    for (const entry of entries) {
      const file = this.#program.getSourceFile(path.join(ROOT, entry));
      if (file === undefined) throw new Error(`There is no ${entry} in the program.`);
      const module = this.#checker.getSymbolAtLocation(file);
      if (module === undefined) throw new Error(`${entry} exports nothing.`);
      for (const symbol of this.#checker.getExportsOfModule(module)) tour.meet(symbol);
    }
    return tour.run();
  }

  #index(node: ts.Node): void {
    if (ts.isClassLike(node)) {
      for (const { types } of node.heritageClauses ?? [])
        for (const member of node.members)
          if (!ts.isPropertyDeclaration(member))
            this.#promise(member, types.map((each) => this.#checker.getTypeAtLocation(each)));
    }
    if (ts.isObjectLiteralExpression(node)) {
      const type = this.#checker.getContextualType(node);
      for (const member of node.properties)
        if (type !== undefined && this.#checker.getTypeAtLocation(member).getCallSignatures().length > 0)
          this.#promise(member, constituents(type));
    }
    ts.forEachChild(node, (child) => this.#index(child));
  }

  #promise(member: ts.ClassElement | ts.ObjectLiteralElementLike, types: readonly ts.Type[]): void {
    const name = member.name && ts.isIdentifier(member.name) ? member.name.text : undefined;
    if (name === undefined) return;
    const promised = types
      .flatMap((type) => type.getProperty(name)?.declarations ?? [])
      .filter((declaration) => declaration !== member && isOurs(declaration.getSourceFile()));
    if (promised.length > 0) this.#promises.set(member, [...(this.#promises.get(member) ?? []), ...promised]);
  }
}

/** One walk. What was met once is not walked again. */
class Tour {
  readonly #checker: ts.TypeChecker;
  readonly #promises: ReadonlyMap<ts.Node, readonly ts.Node[]>;
  readonly #facts: Facts;
  /** Each declaration met, and the one that referred to it. */
  readonly #met = new Map<ts.Node, ts.Node | undefined>();
  readonly #waiting: ts.Node[] = [];
  #at: ts.Node | undefined;
  /** The functions of objects that have been made. */
  readonly #made = new Set<ts.Node>();
  /** The same by what they stand in for: they run once that is called. */
  readonly #offered = new Map<ts.Node, ts.Node[]>();
  readonly #found: Omit<Reach, 'unanswered'> = { calls: new Map(), keys: new Set() };

  constructor(
    checker: ts.TypeChecker,
    promises: ReadonlyMap<ts.Node, readonly ts.Node[]>,
    facts: Facts,
  ) {
    this.#checker = checker;
    this.#promises = promises;
    this.#facts = facts;
  }

  run(): Reach {
    do {
      for (let next = this.#waiting.pop(); next !== undefined; next = this.#waiting.pop()) {
        this.#at = next;
        this.#enter(next);
      }
      this.#answerByShape();
    } while (this.#waiting.length > 0);
    return { ...this.#found, unanswered: this.#unanswered().map(placeOf) };
  }

  /** What is called and nothing made so far declares to be: whatever is made, has its name and would do. */
  #answerByShape(): void {
    for (const called of this.#unanswered()) {
      this.#at = called;
      const wanted = this.#checker.getTypeAtLocation(called);
      for (const member of this.#made)
        if (
          nameOf(member) === nameOf(called) &&
          this.#checker.isTypeAssignableTo(this.#checker.getTypeAtLocation(member), wanted)
        )
          this.#offerFor(called, member);
    }
  }

  #unanswered(): ts.Node[] {
    return [...this.#met.keys()].filter(
      (node) =>
        (ts.isMethodSignature(node) || ts.isPropertySignature(node)) &&
        this.#checker.getTypeAtLocation(node).getCallSignatures().length > 0 &&
        !this.#offered.has(node),
    );
  }

  meet(symbol: ts.Symbol | undefined): void {
    if (symbol === undefined) return;
    const target = symbol.flags & ts.SymbolFlags.Alias ? this.#checker.getAliasedSymbol(symbol) : symbol;
    for (const declaration of target.declarations ?? [])
      // What an object holds ran when the object was made, unless it waits to be called.
      if (declaration.parent?.kind !== ts.SyntaxKind.ObjectLiteralExpression || this.#promises.has(declaration))
        this.#meetNode(declaration);
  }

  #meetNode(declaration: ts.Node): void {
    const file = declaration.getSourceFile();
    if (this.#met.has(declaration) || !isOurs(file)) return;
    this.#met.set(declaration, this.#at);
    this.#waiting.push(declaration);
    const isTop = declaration.parent === file || declaration.parent?.parent?.parent === file;
    if (file.fileName === KEYS && isTop) this.#found.keys.add(nameOf(declaration));
  }

  #offer(member: ts.Node): void {
    this.#made.add(member);
    for (const promised of this.#promises.get(member) ?? []) this.#offerFor(promised, member);
  }

  #offerFor(promised: ts.Node, member: ts.Node): void {
    this.#offered.set(promised, [...(this.#offered.get(promised) ?? []), member]);
    if (this.#met.has(promised)) this.#meetNode(member);
  }

  #enter(declaration: ts.Node): void {
    for (const member of this.#offered.get(declaration) ?? []) this.#meetNode(member);
    if (ts.isClassLike(declaration)) this.#enterClass(declaration);
    else if (ts.isBindingElement(declaration)) this.#enterBinding(declaration);
    else if (ts.isShorthandPropertyAssignment(declaration))
      this.meet(this.#checker.getShorthandAssignmentValueSymbol(declaration));
    else ts.forEachChild(declaration, (child) => this.#walk(child));
  }

  /** Making one runs its constructor and fills its fields; its methods run when they are called. */
  #enterClass(declaration: ts.ClassLikeDeclaration): void {
    for (const clause of declaration.heritageClauses ?? [])
      if (clause.token === ts.SyntaxKind.ExtendsKeyword)
        for (const { expression } of clause.types) this.#walk(expression);
    for (const member of declaration.members) {
      const isMethod = ts.isMethodDeclaration(member) || ts.isAccessor(member);
      if (isMethod) this.#offer(member);
      else this.#meetNode(member);
    }
  }

  /** What is taken out of an object is the object's member. */
  #enterBinding({ parent, propertyName, name, initializer }: ts.BindingElement): void {
    if (initializer) this.#walk(initializer);
    const key = propertyName ?? name;
    if (!ts.isObjectBindingPattern(parent) || !ts.isIdentifier(key)) return;
    for (const type of constituents(this.#checker.getTypeAtLocation(parent))) this.meet(type.getProperty(key.text));
  }

  #walk(node: ts.Node): void {
    if (ts.isTypeNode(node) || ts.isClassLike(node) || ts.isFunctionDeclaration(node)) return;
    if (this.#promises.has(node)) return this.#offer(node);
    if (ts.isBlock(node)) return this.#walkBlock(node);
    if (ts.isIfStatement(node))
      return this.#walkChoice(node.expression, node.thenStatement, node.elseStatement);
    if (ts.isConditionalExpression(node))
      return this.#walkChoice(node.condition, node.whenTrue, node.whenFalse);
    if (ts.isBinaryExpression(node) && this.#skipsRight(node)) return this.#walk(node.left);
    if (ts.isNewExpression(node) || ts.isCallExpression(node)) this.#noteSdk(node);
    if (ts.isShorthandPropertyAssignment(node))
      return this.meet(this.#checker.getShorthandAssignmentValueSymbol(node));
    if (ts.isIdentifier(node) || ts.isPrivateIdentifier(node))
      return this.meet(this.#checker.getSymbolAtLocation(node));
    ts.forEachChild(node, (child) => this.#walk(child));
  }

  /** Nothing runs after a choice that is sure to leave. */
  #walkBlock({ statements }: ts.Block): void {
    for (const statement of statements) {
      this.#walk(statement);
      if (ts.isIfStatement(statement) && this.#value(statement.expression) === true && leaves(statement.thenStatement))
        return;
    }
  }

  #walkChoice(condition: ts.Expression, whenTrue: ts.Node, whenFalse: ts.Node | undefined): void {
    const value = this.#value(condition);
    this.#walk(condition);
    if (value !== false) this.#walk(whenTrue);
    if (value !== true && whenFalse !== undefined) this.#walk(whenFalse);
  }

  #skipsRight({ left, operatorToken: { kind } }: ts.BinaryExpression): boolean {
    if (kind === ts.SyntaxKind.AmpersandAmpersandToken) return this.#value(left) === false;
    return kind === ts.SyntaxKind.BarBarToken && this.#value(left) === true;
  }

  /** What a condition comes to by the facts; undefined where they do not say. */
  #value(node: ts.Expression): boolean | undefined {
    if (ts.isParenthesizedExpression(node)) return this.#value(node.expression);
    if (ts.isPrefixUnaryExpression(node) && node.operator === ts.SyntaxKind.ExclamationToken)
      return opposite(this.#value(node.operand));
    if (!ts.isBinaryExpression(node)) return undefined;
    const { left, right, operatorToken } = node;
    const values = () => [this.#value(left), this.#value(right)];
    switch (operatorToken.kind) {
      case ts.SyntaxKind.AmpersandAmpersandToken:
        return values().includes(false) ? false : values().every(Boolean) || undefined;
      case ts.SyntaxKind.BarBarToken:
        return values().includes(true) || (values().every((each) => each === false) ? false : undefined);
      case ts.SyntaxKind.EqualsEqualsEqualsToken:
        return this.#isEqual(left, right);
      case ts.SyntaxKind.ExclamationEqualsEqualsToken:
        return opposite(this.#isEqual(left, right));
      default:
        return undefined;
    }
  }

  #isEqual(left: ts.Expression, right: ts.Expression): boolean | undefined {
    if (!ts.isStringLiteral(right)) return undefined;
    const words = constituents(this.#checker.getTypeAtLocation(left)).flatMap((type) =>
      type.isStringLiteral() ? [type.value] : [],
    );
    const fact = this.#facts[words.toSorted().join('|')];
    return fact === undefined ? undefined : fact === right.text;
  }

  #noteSdk(node: ts.NewExpression | ts.CallExpression): void {
    const symbol = this.#checker.getSymbolAtLocation(node.expression);
    const target = symbol && symbol.flags & ts.SymbolFlags.Alias ? this.#checker.getAliasedSymbol(symbol) : symbol;
    const file = target?.declarations?.[0]?.getSourceFile().fileName ?? '';
    const [, client] = SDK_CLIENT.exec(file) ?? [];
    const [, made, listed] = /^(?:(\w+)Command|paginate(\w+))$/.exec(target?.name ?? '') ?? [];
    const command = made ?? listed;
    if (client === undefined || command === undefined) return;
    const name = `${client} ${command}`;
    const call = this.#found.calls.get(name) ?? { name, fields: new Set(), path: this.#path() };
    this.#found.calls.set(name, call);
    for (const argument of node.arguments ?? [])
      for (const type of constituents(this.#checker.getTypeAtLocation(argument)))
        for (const field of type.getProperties()) call.fields.add(field.name);
  }

  #path(): string[] {
    const path: string[] = [];
    for (let node = this.#at; node !== undefined; node = this.#met.get(node)) path.unshift(placeOf(node));
    return path;
  }
}

const isOurs = (file: ts.SourceFile): boolean => path.normalize(file.fileName).startsWith(SOURCES);

const constituents = (type: ts.Type): readonly ts.Type[] => (type.isUnion() ? type.types : [type]);

const opposite = (value: boolean | undefined): boolean | undefined => (value === undefined ? undefined : !value);

const leaves = (node: ts.Statement): boolean =>
  ts.isReturnStatement(node) ||
  ts.isThrowStatement(node) ||
  (ts.isBlock(node) && node.statements.some((statement) => leaves(statement)));

const nameOf = (declaration: ts.Node): string =>
  ts.getNameOfDeclaration(declaration as ts.Declaration)?.getText() ?? '';

const placeOf = (node: ts.Node): string =>
  `${path.relative(ROOT, node.getSourceFile().fileName)} ${nameOf(node)}`.trimEnd();

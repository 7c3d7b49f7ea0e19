/**
 * Finds the AWS calls that a part of the program can make. Follows every reference in the source from an entry, through
 * ports and interfaces to their implementations, to SDK commands. May find too many, but not too few.
 */
import path from 'node:path';
import ts from 'typescript';
import { conditionValue, constituents, type Facts, leaves } from './conditions.ts';

const ROOT = path.join(import.meta.dirname, '../../..');
const SOURCES = `${path.join(ROOT, 'src')}${path.sep}`;
const KEYS = path.join(ROOT, 'src/core/job/keys.ts');
const SDK_CLIENT = /node_modules\/@aws-sdk\/client-([a-z0-9-]+)\//;

export interface SdkCall {
  /** The last part of the client's package and the command: `s3 PutObject`. */
  name: string;
  /** The fields of its input that any caller sets. */
  fields: Set<string>;
  /** From the entry to the function that makes the call. */
  path: string[];
}

export interface Run {
  facts: Facts;
  /** Functions that are never called, for reasons that the facts cannot express: `FILE NAME`. */
  never: readonly string[];
}

export interface Reach {
  calls: SdkCall[];
  /** The functions of src/core/job/keys.ts that are used, that is, the keys and queues. */
  keys: Set<string>;
  /** Functions called through an interface of ours, without an implementation found. */
  unanswered: string[];
}

/** The program's source, parsed and type-checked once for many searches. */
export class SourceGraph {
  readonly #checker: ts.TypeChecker;
  readonly #program: ts.Program;
  /** Maps each function of a class or object to the interface and class members that it implements. */
  readonly #promises = new Map<ts.Node, ts.Node[]>();

  constructor() {
    const { config } = ts.readConfigFile(path.join(ROOT, 'tsconfig.json'), ts.sys.readFile);
    const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
    const entries = ['src/index.ts', 'src/cli/main.ts', 'src/lambda/handler.ts'].map((file) =>
      path.join(ROOT, file),
    );
    const host = ts.createCompilerHost(options);
    // The SDK is ten megabytes of comments.
    host.jsDocParsingMode = ts.JSDocParsingMode.ParseNone;
    this.#program = ts.createProgram(entries, options, host);
    this.#checker = this.#program.getTypeChecker();
    for (const file of this.#program.getSourceFiles()) if (isOurs(file)) this.#index(file);
  }

  /**
   * @param entries modules whose exports are called, relative to the repository.
   * @param run known facts about the run.
   */
  reach(entries: readonly string[], run: Run): Reach {
    const tour = new Tour(this.#checker, this.#promises, run);
    for (const entry of entries) {
      const file = this.#program.getSourceFile(path.join(ROOT, entry));
      const module = file && this.#checker.getSymbolAtLocation(file);
      if (module === undefined) throw new Error(`${entry} is not a module of the program.`);
      for (const symbol of this.#checker.getExportsOfModule(module)) tour.meet(symbol);
    }
    return tour.run();
  }

  #index(node: ts.Node): void {
    if (ts.isClassLike(node)) {
      const bases = (node.heritageClauses ?? []).flatMap(({ types }) => types);
      for (const member of node.members)
        if (!ts.isPropertyDeclaration(member))
          this.#promise(
            member,
            bases.map((base) => this.#checker.getTypeAtLocation(base)),
          );
    }
    if (ts.isObjectLiteralExpression(node)) {
      const type = this.#checker.getContextualType(node);
      for (const member of node.properties)
        if (type !== undefined && isCallable(this.#checker, member))
          this.#promise(member, constituents(type));
    }
    ts.forEachChild(node, (child) => this.#index(child));
  }

  #promise(member: ts.ClassElement | ts.ObjectLiteralElementLike, types: readonly ts.Type[]): void {
    const promised = types
      .flatMap((type) => type.getProperty(nameOf(member))?.declarations ?? [])
      .filter((declaration) => declaration !== member && isOurs(declaration.getSourceFile()));
    if (promised.length > 0) this.#promises.set(member, promised);
  }
}

/** One search. Visits each declaration once. */
class Tour {
  readonly #checker: ts.TypeChecker;
  readonly #promises: ReadonlyMap<ts.Node, readonly ts.Node[]>;
  readonly #run: Run;
  readonly #neverMet = new Set<string>();
  /** Each visited declaration, and the one that referred to it. */
  readonly #met = new Map<ts.Node, ts.Node | undefined>();
  readonly #waiting: ts.Node[] = [];
  #at: ts.Node | undefined;
  /** The functions of created objects. */
  readonly #made = new Set<ts.Node>();
  /** The same by the members that they implement. They run when those are called. */
  readonly #offered = new Map<ts.Node, ts.Node[]>();
  readonly #calls = new Map<string, SdkCall>();
  readonly #keys = new Set<string>();

  constructor(checker: ts.TypeChecker, promises: ReadonlyMap<ts.Node, readonly ts.Node[]>, run: Run) {
    this.#checker = checker;
    this.#promises = promises;
    this.#run = run;
  }

  run(): Reach {
    do {
      for (let next = this.#waiting.pop(); next !== undefined; next = this.#waiting.pop()) {
        this.#at = next;
        this.#enter(next);
      }
      this.#answerByShape();
    } while (this.#waiting.length > 0);
    const unmet = this.#run.never.filter((place) => !this.#neverMet.has(place));
    if (unmet.length > 0) throw new Error(`No longer reached: ${unmet.join(', ')}. Remove it from "never".`);
    const unanswered = this.#unanswered().map(placeOf);
    return { calls: [...this.#calls.values()], keys: this.#keys, unanswered };
  }

  meet(symbol: ts.Symbol | undefined): void {
    // Members of an object run when it is created, except functions.
    for (const declaration of this.#target(symbol)?.declarations ?? [])
      if (
        declaration.parent?.kind !== ts.SyntaxKind.ObjectLiteralExpression ||
        this.#promises.has(declaration)
      )
        this.#meetNode(declaration);
  }

  #meetNode(declaration: ts.Node): void {
    const file = declaration.getSourceFile();
    if (this.#met.has(declaration) || !isOurs(file)) return;
    if (this.#run.never.includes(placeOf(declaration))) return void this.#neverMet.add(placeOf(declaration));
    this.#met.set(declaration, this.#at);
    this.#waiting.push(declaration);
    if (file.fileName === KEYS && isOfModule(declaration)) this.#keys.add(nameOf(declaration));
  }

  #offer(member: ts.Node): void {
    for (const promised of this.#promises.get(member) ?? []) this.#offerFor(promised, member);
  }

  #offerFor(promised: ts.Node, member: ts.Node): void {
    this.#offered.set(promised, [...(this.#offered.get(promised) ?? []), member]);
    if (this.#met.has(promised)) this.#meetNode(member);
  }

  /** Finds implementations by structure: functions of created objects with the same name and an assignable type. */
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
        isCallable(this.#checker, node) &&
        !this.#offered.has(node),
    );
  }

  #enter(declaration: ts.Node): void {
    for (const member of this.#offered.get(declaration) ?? []) this.#meetNode(member);
    if (ts.isClassLike(declaration)) this.#enterClass(declaration);
    else if (ts.isBindingElement(declaration)) this.#enterBinding(declaration);
    else if (ts.isShorthandPropertyAssignment(declaration)) this.#enterShorthand(declaration);
    else ts.forEachChild(declaration, (child) => this.#walk(child));
  }

  /** Creating an instance runs its constructor and initialises its fields. Its methods run when they are called. */
  #enterClass(declaration: ts.ClassLikeDeclaration): void {
    for (const { token, types } of declaration.heritageClauses ?? [])
      if (token === ts.SyntaxKind.ExtendsKeyword) for (const { expression } of types) this.#walk(expression);
    for (const member of declaration.members) {
      const isMethod = ts.isMethodDeclaration(member) || ts.isAccessor(member);
      if (!isMethod) this.#meetNode(member);
      else {
        this.#made.add(member);
        this.#offer(member);
      }
    }
  }

  /** Destructuring refers to the member of the object. */
  #enterBinding({ parent, propertyName, name, initializer }: ts.BindingElement): void {
    if (initializer) this.#walk(initializer);
    const key = propertyName ?? name;
    if (!ts.isObjectBindingPattern(parent) || !ts.isIdentifier(key)) return;
    for (const type of constituents(this.#checker.getTypeAtLocation(parent)))
      this.meet(type.getProperty(key.text));
  }

  #enterShorthand(node: ts.ShorthandPropertyAssignment): void {
    this.meet(this.#checker.getShorthandAssignmentValueSymbol(node));
  }

  #walk(node: ts.Node): void {
    if (ts.isTypeNode(node) || ts.isClassLike(node) || ts.isFunctionDeclaration(node)) return;
    if (ts.isNewExpression(node) || ts.isCallExpression(node)) this.#noteSdk(node);
    if (ts.isObjectLiteralElementLike(node) && isCallable(this.#checker, node)) this.#made.add(node);
    if (this.#promises.has(node)) this.#offer(node);
    else if (ts.isBlock(node)) this.#walkBlock(node);
    else if (ts.isIfStatement(node))
      this.#walkChoice(node.expression, node.thenStatement, node.elseStatement);
    else if (ts.isConditionalExpression(node))
      this.#walkChoice(node.condition, node.whenTrue, node.whenFalse);
    else if (ts.isBinaryExpression(node) && this.#skipsRight(node)) this.#walk(node.left);
    else if (ts.isShorthandPropertyAssignment(node)) this.#enterShorthand(node);
    else if (ts.isIdentifier(node) || ts.isPrivateIdentifier(node))
      this.meet(this.#checker.getSymbolAtLocation(node));
    else ts.forEachChild(node, (child) => this.#walk(child));
  }

  #walkBlock({ statements }: ts.Block): void {
    for (const statement of statements) {
      this.#walk(statement);
      if (ts.isIfStatement(statement) && this.#holds(statement.expression) && leaves(statement.thenStatement))
        return;
    }
  }

  #walkChoice(condition: ts.Expression, whenTrue: ts.Node, whenFalse: ts.Node | undefined): void {
    const holds = this.#holds(condition);
    this.#walk(condition);
    if (holds !== false) this.#walk(whenTrue);
    if (holds !== true && whenFalse !== undefined) this.#walk(whenFalse);
  }

  #skipsRight({ left, operatorToken: { kind } }: ts.BinaryExpression): boolean {
    if (kind === ts.SyntaxKind.AmpersandAmpersandToken) return this.#holds(left) === false;
    return kind === ts.SyntaxKind.BarBarToken && this.#holds(left) === true;
  }

  #holds(condition: ts.Expression): boolean | undefined {
    return conditionValue(this.#checker, this.#run.facts, condition);
  }

  #noteSdk(node: ts.NewExpression | ts.CallExpression): void {
    const target = this.#target(this.#checker.getSymbolAtLocation(node.expression));
    const [, client] = SDK_CLIENT.exec(target?.declarations?.[0]?.getSourceFile().fileName ?? '') ?? [];
    const [, made, listed] = /^(?:(\w+)Command|paginate(\w+))$/.exec(target?.name ?? '') ?? [];
    if (client === undefined || (made ?? listed) === undefined) return;
    const name = `${client} ${made ?? listed}`;
    const call = this.#calls.get(name) ?? { name, fields: new Set(), path: this.#path() };
    this.#calls.set(name, call);
    for (const argument of node.arguments ?? [])
      for (const type of constituents(this.#checker.getTypeAtLocation(argument)))
        for (const field of type.getProperties()) call.fields.add(field.name);
  }

  #target(symbol: ts.Symbol | undefined): ts.Symbol | undefined {
    const isAlias = symbol !== undefined && (symbol.flags & ts.SymbolFlags.Alias) !== 0;
    return isAlias ? this.#checker.getAliasedSymbol(symbol) : symbol;
  }

  #path(): string[] {
    const places: string[] = [];
    for (let node = this.#at; node !== undefined; node = this.#met.get(node)) places.unshift(placeOf(node));
    return places;
  }
}

const isOurs = ({ fileName }: ts.SourceFile): boolean => path.normalize(fileName).startsWith(SOURCES);

/** A top-level function or constant of a module. */
const isOfModule = ({ parent }: ts.Node): boolean =>
  [parent, parent?.parent?.parent].some((around) => around?.kind === ts.SyntaxKind.SourceFile);

const isCallable = (checker: ts.TypeChecker, node: ts.Node): boolean =>
  checker.getTypeAtLocation(node).getCallSignatures().length > 0;

const nameOf = (declaration: ts.Node): string =>
  ts.getNameOfDeclaration(declaration as ts.Declaration)?.getText() ?? '';

const placeOf = (node: ts.Node): string =>
  `${path.relative(ROOT, node.getSourceFile().fileName)} ${nameOf(node)}`.trimEnd();

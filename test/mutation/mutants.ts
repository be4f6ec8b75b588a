// Makes a source text into one that holds all its mutants, each asleep until it is named.

import ts from 'typescript';

export interface Mutant {
  readonly id: number;
  readonly file: string;
  readonly line: number;
  readonly was: string;
  readonly becomes: string;
}

export interface Instrumented {
  readonly text: string;
  readonly mutants: readonly Mutant[];
}

const SWAPS: Readonly<Record<string, readonly string[]>> = {
  ...{ '===': ['!=='], '!==': ['==='], '<': ['<=', '>='], '<=': ['<', '>'], '>': ['>=', '<='], '>=': ['>', '<'] },
  ...{ '&&': ['||'], '||': ['&&'], '??': ['&&'] },
  ...{ '+': ['-'], '-': ['+'], '*': ['/'], '/': ['*'], '%': ['*'], '**': ['*'], '>>': ['<<'] },
  ...{ '+=': ['-='], '-=': ['+='], '||=': ['&&=', '='], '??=': ['&&=', '='], '&&=': ['||='] },
};

const METHODS = new Map(
  Object.entries({
    ...{ some: 'every', every: 'some', min: 'max', max: 'min', startsWith: 'endsWith', endsWith: 'startsWith' },
    ...{ shift: 'pop', push: 'unshift', ceil: 'floor', floor: 'ceil' },
  }),
);

/** Such as `'Content-Type': …`, or a type: not what is computed. */
const isName = (node: ts.Node): boolean =>
  (ts.isPropertyAssignment(node.parent) || ts.isMethodDeclaration(node.parent)) && node.parent.name === node;

const isTarget = ({ parent }: ts.Node, node: ts.Node): boolean =>
  ts.isBinaryExpression(parent) && parent.left === node && parent.operatorToken.kind === ts.SyntaxKind.EqualsToken;

/** Whether two operands are put together as texts. */
const joinsText = ({ left, right }: ts.BinaryExpression): boolean =>
  [left, right].some((side) => ts.isStringLiteralLike(side) || ts.isTemplateExpression(side));

class Instrumenter {
  readonly mutants: Mutant[] = [];
  readonly #source: ts.SourceFile;
  readonly #text: string;
  readonly #path: string;
  readonly #firstId: number;

  constructor(path: string, text: string, firstId: number) {
    this.#source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
    this.#text = text;
    this.#path = path;
    this.#firstId = firstId;
  }

  run(header: string): Instrumented {
    return { text: `${header}${this.#render(this.#source, 0)}`, mutants: this.mutants };
  }

  #raw(node: ts.Node): string {
    return node.getText(this.#source);
  }

  #add(node: ts.Node, becomes: string): number {
    const id = this.#firstId + this.mutants.length;
    const { line } = this.#source.getLineAndCharacterOfPosition(node.getStart(this.#source));
    this.mutants.push({ id, file: this.#path, line: line + 1, was: this.#raw(node), becomes });
    return id;
  }

  #render(node: ts.Node, from = node.getStart(this.#source)): string {
    if (ts.isTypeNode(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node))
      return this.#raw(node);
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return this.#raw(node);
    const others = this.#alternatives(node).map((becomes) => [this.#add(node, becomes), becomes] as const);
    const gone = this.#isRemovable(node) ? this.#add(node, '') : undefined;
    let text = '';
    let at = from;
    ts.forEachChild(node, (child) => {
      const start = child.getStart(this.#source);
      text += this.#text.slice(at, start) + this.#render(child);
      at = child.getEnd();
    });
    text += this.#text.slice(at, node.getEnd());
    for (const [id, becomes] of others) text = `($m(${id})?(${becomes}):(${text}))`;
    return gone === undefined ? text : `{if(!$m(${gone})){${text}}}`;
  }

  /** A statement without which the rest can run. */
  #isRemovable(node: ts.Node): boolean {
    if (ts.isReturnStatement(node)) return !node.expression;
    return ts.isExpressionStatement(node) || ts.isThrowStatement(node) || ts.isContinueStatement(node);
  }

  #alternatives(node: ts.Node): readonly string[] {
    if (ts.isSourceFile(node)) return [];
    return [...this.#ofConditions(node), ...this.#ofOperators(node), ...this.#ofLiterals(node), ...this.#ofCalls(node)];
  }

  #ofConditions(node: ts.Node): readonly string[] {
    const { parent } = node;
    if (!parent) return [];
    if (ts.isIfStatement(parent) && parent.expression === node) return ['true', 'false'];
    if (ts.isConditionalExpression(parent) && parent.condition === node) return ['true', 'false'];
    if (ts.isWhileStatement(parent) && parent.expression === node) return ['false'];
    if (ts.isForStatement(parent) && parent.condition === node) return ['false'];
    return [];
  }

  #ofOperators(node: ts.Node): readonly string[] {
    if (ts.isPrefixUnaryExpression(node)) {
      const operand = this.#raw(node.operand);
      if (node.operator === ts.SyntaxKind.ExclamationToken || node.operator === ts.SyntaxKind.MinusToken)
        return [operand];
      if (node.operator === ts.SyntaxKind.PlusPlusToken) return [`--${operand}`];
      return node.operator === ts.SyntaxKind.MinusMinusToken ? [`++${operand}`] : [];
    }
    if (ts.isPostfixUnaryExpression(node)) {
      return [`${this.#raw(node.operand)}${node.operator === ts.SyntaxKind.PlusPlusToken ? '--' : '++'}`];
    }
    if (!ts.isBinaryExpression(node)) return [];
    const operator = this.#raw(node.operatorToken);
    if (operator === '+' && joinsText(node)) return [];
    return (SWAPS[operator] ?? []).map((other) => `(${this.#raw(node.left)}) ${other} (${this.#raw(node.right)})`);
  }

  #ofLiterals(node: ts.Node): readonly string[] {
    if (isName(node)) return [];
    if (ts.isStringLiteralLike(node)) return [node.text ? "''" : "'mutant'"];
    if (ts.isTemplateExpression(node)) return ["''"];
    if (ts.isRegularExpressionLiteral(node)) return ['/(?!)/'];
    if (node.kind === ts.SyntaxKind.TrueKeyword) return ['false'];
    if (node.kind === ts.SyntaxKind.FalseKeyword) return ['true'];
    if (ts.isArrayLiteralExpression(node)) return node.elements[0] && !isTarget(node, node) ? ['[]'] : [];
    if (ts.isObjectLiteralExpression(node)) return node.properties[0] && !isTarget(node, node) ? ['{}'] : [];
    return [];
  }

  #ofCalls(node: ts.Node): readonly string[] {
    const { parent } = node;
    const found: string[] = [];
    if (parent && ts.isArrowFunction(parent) && parent.body === node && ts.isCallExpression(node))
      found.push('undefined');
    const isChain = ts.isOptionalChain(node) && !(parent && ts.isOptionalChain(parent) && parent.expression === node);
    if (isChain) found.push(...this.#ofChain(node));
    if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression) && !ts.isOptionalChain(node)) {
      const { expression, name } = node.expression;
      const other = METHODS.get(name.text);
      const args = node.arguments.map((argument) => this.#raw(argument)).join(', ');
      if (other) found.push(`${this.#raw(expression)}.${other}(${args})`);
      if (name.text === 'filter') found.push(this.#raw(expression));
    }
    return found;
  }

  /** Without one of its questions each. */
  #ofChain(whole: ts.Node): readonly string[] {
    const found: string[] = [];
    const start = whole.getStart(this.#source);
    const text = this.#raw(whole);
    for (let node: ts.Node | undefined = whole; node && ts.isOptionalChain(node); node = node.expression) {
      const token: ts.Node | undefined = ts.isNonNullChain(node) ? undefined : node.questionDotToken;
      if (!token) continue;
      const at = token.getStart(this.#source) - start;
      found.push(`${text.slice(0, at)}${ts.isPropertyAccessExpression(node) ? '.' : ''}${text.slice(at + 2)}`);
    }
    return found;
  }
}

/** `header` is to define `$m(id)`, which says whether the mutant of that number is awake. */
export const instrument = (path: string, text: string, firstId: number, header: string): Instrumented =>
  new Instrumenter(path, text, firstId).run(header);

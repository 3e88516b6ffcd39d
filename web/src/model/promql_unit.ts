// Guesses the unit of an expression's values, on the grammar's own parser: what metrics measure, and what
// functions and operators make of it.
import { parser } from '@prometheus-io/lezer-promql';
import type { SyntaxNode } from '@lezer/common';
import { unitOfMetric, type Unit } from './units';

// The names of the metrics that an expression selects, each once, in their order.
export function metricNames(expr: string): string[] {
  const names = new Set<string>();
  parser.parse(expr).iterate({
    enter: (node) => {
      if (node.name === 'Identifier' && node.node.parent?.name === 'VectorSelector') {
        names.add(expr.slice(node.from, node.to));
      }
    },
  });
  return [...names];
}

const RATES = new Set(['rate', 'irate', 'deriv']);
const COUNTS = new Set([
  'count',
  'count_values',
  'count_over_time',
  'changes',
  'resets',
  'absent',
  'absent_over_time',
  'present_over_time',
  'sgn',
  'scalar_count',
  'group',
  'histogram_count',
  'histogram_fraction',
  'day_of_month',
  'day_of_week',
  'day_of_year',
  'days_in_month',
  'hour',
  'minute',
  'month',
  'year',
  'ln',
  'log2',
  'log10',
  'exp',
  'stdvar',
  'stdvar_over_time',
]);

function perSecond(unit: Unit): Unit {
  switch (unit) {
    case 'bytes':
      return 'bytes/s';
    case 'joules':
      return 'watts';
    case 'none':
      return 'per-second';
    default:
      return 'none'; // seconds per second are a plain number
  }
}

interface Measured {
  readonly unit: Unit;
  readonly literal?: number; // the expression is this number
  readonly rateOf?: Unit; // the rate of a counter of this unit
  readonly hundredOf?: Unit; // a hundred times a value of this unit
}

function divide(a: Measured, b: Measured): Unit {
  if (b.literal !== undefined) return b.literal === 1 ? a.unit : 'none';
  if (a.literal !== undefined) return 'none';
  if (a.hundredOf !== undefined && a.hundredOf === b.unit && b.unit !== 'none') return 'percent';
  // Of two rates the seconds cancel: rate(x_seconds_sum) / rate(x_seconds_count) are seconds.
  const over = a.rateOf ?? a.unit;
  const under = b.rateOf ?? b.unit;
  const bothRates = a.rateOf !== undefined && b.rateOf !== undefined;
  if (over === under && (bothRates || over !== 'none')) return 'ratio';
  if (bothRates && under === 'none') return over;
  return a.unit === 'bytes' && b.unit === 'seconds' ? 'bytes/s' : 'none';
}

function children(node: SyntaxNode): SyntaxNode[] {
  const list: SyntaxNode[] = [];
  for (let child = node.firstChild; child !== null; child = child.nextSibling) list.push(child);
  return list;
}

const SKIPPED = new Set(['LineComment', '(', ')', ',', 'MatchingModifierClause', 'BoolModifier']);

function measureBinary(node: SyntaxNode, text: string, metricUnit: (name: string) => Unit): Measured {
  const parts = children(node).filter((child) => !SKIPPED.has(child.name));
  const left = parts[0];
  const right = parts.at(-1);
  const operator = parts[1];
  if (left === undefined || right === undefined || operator === undefined) return { unit: 'none' };
  const a = measure(left, text, metricUnit);
  const b = measure(right, text, metricUnit);
  switch (operator.name) {
    case 'Add':
    case 'Sub':
      if (a.literal === 1 && b.unit === 'ratio') return { unit: 'ratio' };
      if (a.literal !== undefined) return { unit: b.unit };
      if (b.literal !== undefined || a.unit === b.unit) return { unit: a.unit };
      return { unit: 'none' };
    case 'Mul':
      if (a.literal !== undefined && b.literal !== undefined) return { unit: 'none', literal: a.literal * b.literal };
      for (const [factor, other] of [
        [a, b],
        [b, a],
      ] as const) {
        if (factor.literal === undefined) continue;
        if (factor.literal === 100) return { unit: other.unit === 'ratio' ? 'percent' : 'none', hundredOf: other.unit };
        if (factor.literal === 8 && other.unit === 'bytes/s') return { unit: 'bits/s' };
        return { unit: factor.literal === 1 ? other.unit : 'none' };
      }
      return { unit: 'none' };
    case 'Div':
      return { unit: divide(a, b) };
    case 'Mod':
      return { unit: a.unit };
    case 'Pow':
    case 'Atan2':
      return { unit: 'none' };
    default: // comparisons filter, `and`, `or`, `unless` choose: the left side's values
      return { unit: children(node).some((child) => child.name === 'BoolModifier') ? 'none' : a.unit };
  }
}

function callArguments(node: SyntaxNode): SyntaxNode[] {
  const body = node.getChild('FunctionCallBody');
  return body === null ? [] : children(body).filter((child) => !SKIPPED.has(child.name));
}

function measure(node: SyntaxNode, text: string, metricUnit: (name: string) => Unit): Measured {
  const slice = (n: SyntaxNode): string => text.slice(n.from, n.to);
  switch (node.name) {
    case 'NumberDurationLiteral':
    case 'NumberLiteral':
      return { unit: 'none', literal: Number(slice(node)) };
    case 'VectorSelector': {
      const name = node.getChild('Identifier');
      return { unit: name === null ? 'none' : metricUnit(slice(name)) };
    }
    case 'FunctionCall': {
      const name = slice(node.firstChild ?? node);
      const args = callArguments(node);
      const last = args.at(-1);
      if (name === 'time' || name === 'timestamp') return { unit: 'timestamp' };
      if (COUNTS.has(name) || last === undefined) return { unit: 'none' };
      const argument = name === 'histogram_quantile' || name === 'quantile_over_time' ? last : (args[0] ?? last);
      const inner = measure(argument, text, metricUnit);
      if (RATES.has(name)) return { unit: perSecond(inner.unit), rateOf: inner.unit };
      return inner;
    }
    case 'AggregateExpr': {
      const operator = slice(node.firstChild ?? node);
      if (COUNTS.has(operator)) return { unit: 'none' };
      const last = callArguments(node).at(-1);
      return last === undefined ? { unit: 'none' } : measure(last, text, metricUnit);
    }
    case 'BinaryExpr':
      return measureBinary(node, text, metricUnit);
    default: {
      // ParenExpr, UnaryExpr, MatrixSelector, OffsetExpr, StepInvariantExpr, SubqueryExpr, PromQL: the
      // first child that is an expression.
      for (const child of children(node)) {
        if (/Expr$|Selector$|^FunctionCall$|Literal$/.test(child.name)) return measure(child, text, metricUnit);
      }
      return { unit: 'none' };
    }
  }
}

// `histogram_quantile` undoes the rate of its buckets: rate(x_seconds_bucket) is a distribution, not a speed.
function unwrapHistogram(node: SyntaxNode, text: string): string | undefined {
  let metric: string | undefined;
  if (node.name !== 'FunctionCall') return undefined;
  if (!/^histogram_(quantile|avg|sum|stddev)$/.test(text.slice(node.firstChild?.from ?? 0, node.firstChild?.to ?? 0))) {
    return undefined;
  }
  node.cursor().iterate((cursor) => {
    if (metric === undefined && cursor.name === 'Identifier' && cursor.node.parent?.name === 'VectorSelector') {
      metric = text.slice(cursor.from, cursor.to);
    }
  });
  return metric;
}

function outermost(node: SyntaxNode): SyntaxNode {
  let current = node;
  for (;;) {
    const inner: SyntaxNode | undefined = children(current).find((child) => !SKIPPED.has(child.name));
    if (!['PromQL', 'ParenExpr'].includes(current.name) || inner === undefined) return current;
    current = inner;
  }
}

// The unit of an expression's values, 'none' when in doubt. `metricUnit` knows a metric's own unit.
export function unitOfQuery(expr: string, metricUnit: (name: string) => Unit = unitOfMetric): Unit {
  const top = outermost(parser.parse(expr).topNode);
  const histogram = unwrapHistogram(top, expr);
  if (histogram !== undefined) return metricUnit(histogram);
  return measure(top, expr, metricUnit).unit;
}

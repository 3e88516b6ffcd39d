// Splits pasted text into queries, on the grammar's own parser. Validity is the server's business.
import { parser } from '@prometheus-io/lezer-promql';

export interface TitledQuery {
  readonly title: string; // empty when the text named none
  readonly expr: string;
}

// Longer text is one query, whatever it is: splitting parses each block of n lines at most n² / 2 times.
const SPLIT_LENGTH_MAX = 1 << 15;
const SPLIT_LINES_MAX = 400;
const QUERIES_MAX = 50;

function parses(text: string): boolean {
  let ok = true;
  parser.parse(text).iterate({
    enter: (node) => {
      if (node.type.isError) ok = false;
    },
  });
  return ok;
}

type LineKind = 'blank' | 'comment' | 'fence' | 'code';

interface Line {
  readonly kind: LineKind;
  readonly text: string;
}

// Lines with their kind. A `#` or a blank line inside a quoted string belongs to the string: quotes are
// followed over the whole text (`…` may span lines; "…" and '…' end with theirs).
function classify(text: string): Line[] {
  const lines: Line[] = [];
  let quote = '';
  for (const raw of text.split(/\r?\n/)) {
    const trimmed = raw.trim();
    const inString = quote !== '';
    if (!inString && /^(```|~~~)/.test(trimmed)) {
      lines.push({ kind: 'fence', text: '' });
      continue;
    }
    if (!inString && trimmed === '') {
      lines.push({ kind: 'blank', text: '' });
      continue;
    }
    if (!inString && trimmed.startsWith('#')) {
      lines.push({ kind: 'comment', text: trimmed.replace(/^#+\s*/, '') });
      continue;
    }
    for (let i = 0; i < raw.length; i += 1) {
      const c = raw[i] ?? '';
      if (quote === '') {
        if (c === '#') break;
        if (c === '"' || c === "'" || c === '`') quote = c;
      } else if (c === '\\' && quote !== '`') {
        i += 1;
      } else if (c === quote) {
        quote = '';
      }
    }
    if (quote === '"' || quote === "'") quote = ''; // such a string cannot span lines
    lines.push({ kind: 'code', text: raw });
  }
  return lines;
}

interface Piece {
  readonly expr: string;
  readonly complete: boolean;
}

// Cuts lines that follow each other into queries: each is the longest run of lines that parses, since
// `sum(a) /` and `sum(b)` on two lines are one query and `rate(a[5m])` and `rate(b[5m])` are two.
function cutBlock(lines: readonly string[]): Piece[] {
  const pieces: Piece[] = [];
  let start = 0;
  while (start < lines.length) {
    let end = lines.length;
    while (end > start && !parses(lines.slice(start, end).join('\n'))) end -= 1;
    if (end === start) {
      pieces.push({ expr: lines.slice(start).join('\n').trim(), complete: false });
      break;
    }
    pieces.push({ expr: lines.slice(start, end).join('\n').trim(), complete: true });
    start = end;
  }
  return pieces;
}

// Splits text such as a documentation's fence into queries. A comment line of its own is the title of
// what follows; titles, blank lines and fences end a query, and so does a line that would make it
// invalid. Queries of one title are numbered.
export function splitQueries(text: string): TitledQuery[] {
  const lines = classify(text);
  if (text.length > SPLIT_LENGTH_MAX || lines.length > SPLIT_LINES_MAX) return [{ title: '', expr: text.trim() }];
  const found: TitledQuery[] = [];
  let title = '';
  let block: string[] = [];
  const flush = (): void => {
    for (const piece of cutBlock(block)) {
      if (piece.expr !== '') found.push({ title, expr: piece.expr });
    }
    block = [];
  };
  for (const line of lines) {
    switch (line.kind) {
      case 'code':
        block.push(line.text);
        break;
      case 'comment':
        if (cutBlock(block).at(-1)?.complete === false) break; // a remark inside an unfinished query
        flush();
        title = line.text;
        break;
      case 'blank':
        flush();
        break;
      case 'fence':
        flush();
        title = '';
        break;
    }
  }
  flush();
  const repeated = new Map<string, number>();
  return found.slice(0, QUERIES_MAX).map((query) => {
    const times = (repeated.get(query.title) ?? 0) + 1;
    repeated.set(query.title, times);
    const numbered = query.title !== '' && times > 1 ? `${query.title} (${times})` : query.title;
    return { title: numbered, expr: query.expr };
  });
}

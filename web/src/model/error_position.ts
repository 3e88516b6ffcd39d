// Where an error of the server points in the query: messages carry `line:column` (both from 1, columns in
// bytes of UTF-8 as the server counts), such as `1:9: parse error: unexpected end of input`.

export interface ErrorPosition {
  readonly line: number;
  readonly column: number;
  readonly offset: number; // into the text, UTF-16 units, within [0, text.length]
}

export function errorPosition(message: string, text: string): ErrorPosition | undefined {
  const match = /(?:^|[\s:"])(\d{1,6}):(\d{1,6})(?::| |$)/.exec(message);
  if (match === null) return undefined;
  const line = Number(match[1]);
  const column = Number(match[2]);
  const lines = text.split('\n');
  const found = lines[line - 1];
  if (line < 1 || column < 1 || found === undefined) return undefined;
  const before = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);
  const bytes = new TextEncoder().encode(found);
  const within = new TextDecoder().decode(bytes.subarray(0, column - 1)).length;
  return { line, column, offset: before + Math.min(within, found.length) };
}

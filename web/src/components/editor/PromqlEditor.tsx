// The PromQL editor: CodeMirror with the language's own package for highlighting, completion against the
// server and linting. A chunk of its own; nothing else imports CodeMirror.
import {
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  completionKeymap,
  acceptCompletion,
} from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { bracketMatching, indentOnInput, syntaxHighlighting } from '@codemirror/language';
import { lintKeymap } from '@codemirror/lint';
import { Annotation, Compartment, EditorState, Prec, type Extension } from '@codemirror/state';
import { drawSelection, EditorView, keymap, placeholder as placeholderText } from '@codemirror/view';
import { PromQLExtension } from '@prometheus-io/codemirror-promql';
import { useEffect, useImperativeHandle, useRef, type ReactElement, type Ref } from 'react';
import { flushSync } from 'react-dom';
import { splitQueries, type TitledQuery } from '../../model/promql_split';
import { clearMark, markedError, setMark } from './error_mark';
import { editorTheme, promqlHighlight } from './theme';

export interface EditorHandle {
  readonly focus: (offset?: number) => void; // puts the cursor at the offset, if one is given
  readonly insert: (text: string) => void;
}

export interface PromqlEditorProps {
  readonly label: string;
  readonly value: string;
  readonly placeholder: string;
  readonly errorOffset: number | null; // where the server's error points
  readonly apiBase: string;
  readonly fetcher: typeof fetch;
  readonly onChange: (text: string) => void;
  readonly onRun: () => void;
  readonly onPasteQueries: (queries: readonly TitledQuery[], replaces: boolean) => void;
  readonly handle?: Ref<EditorHandle>;
}

// Marks a change that came with `value`, which its owner knows already.
const fromOwner = Annotation.define<boolean>();

// Completions come from the server; 10,000 metric names are some 400 kB, read once in five minutes.
function language(apiBase: string, fetcher: typeof fetch): Extension {
  return new PromQLExtension()
    .activateCompletion(true)
    .activateLinter(true)
    .setComplete({
      maxMetricsMetadata: 10_000,
      remote: {
        url: apiBase,
        fetchFn: fetcher,
        httpMethod: 'GET',
        lookbackInterval: 12 * 3_600_000,
        cache: { maxAge: 300_000 },
      },
    })
    .asExtension();
}

export default function PromqlEditor(props: PromqlEditorProps): ReactElement {
  const { label, value, placeholder, errorOffset, apiBase, fetcher, handle } = props;
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const live = useRef(props);
  live.current = props;
  const naming = useRef(new Compartment());

  useEffect(() => {
    if (host.current === null) return;
    const run = (): boolean => {
      live.current.onRun();
      return true;
    };
    const created = new EditorView({
      parent: host.current,
      state: EditorState.create({
        doc: live.current.value,
        extensions: [
          history(),
          drawSelection(),
          indentOnInput(),
          bracketMatching(),
          closeBrackets(),
          autocompletion({ maxRenderedOptions: 100 }),
          syntaxHighlighting(promqlHighlight),
          EditorView.lineWrapping,
          placeholderText(placeholder),
          naming.current.of(EditorView.contentAttributes.of({ 'aria-label': live.current.label })),
          EditorView.contentAttributes.of({ 'aria-multiline': 'true', spellcheck: 'false' }),
          markedError,
          language(apiBase, fetcher),
          editorTheme,
          Prec.highest(
            keymap.of([
              { key: 'Mod-Enter', run },
              { key: 'Ctrl-Enter', run },
              { key: 'Shift-Enter', run },
              { key: 'Tab', run: acceptCompletion }, // else the focus moves on
            ]),
          ),
          keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap, ...completionKeymap, ...lintKeymap]),
          EditorView.updateListener.of((update) => {
            if (!update.docChanged || update.transactions.some((one) => one.annotation(fromOwner) === true)) return;
            // At once: a `value` that comes back a keystroke late would take that keystroke away.
            flushSync(() => live.current.onChange(update.state.doc.toString()));
          }),
          EditorView.domEventHandlers({
            paste: (event, editor) => {
              const text = event.clipboardData?.getData('text/plain') ?? '';
              const queries = splitQueries(text);
              const { main } = editor.state.selection;
              const replaces = main.to - main.from === editor.state.doc.length;
              const titled = queries.length === 1 && queries[0]?.title !== '' && replaces;
              if (queries.length < 2 && !titled) return false;
              event.preventDefault();
              live.current.onPasteQueries(queries, replaces);
              return true;
            },
          }),
        ],
      }),
    });
    view.current = created;
    return () => {
      created.destroy();
      view.current = null;
    };
  }, [apiBase, fetcher, placeholder]);

  useEffect(() => {
    const editor = view.current;
    if (editor === null || editor.state.doc.toString() === value) return;
    editor.dispatch({
      changes: { from: 0, to: editor.state.doc.length, insert: value },
      annotations: fromOwner.of(true),
    });
  }, [value]);

  useEffect(() => {
    const attributes = EditorView.contentAttributes.of({ 'aria-label': label });
    view.current?.dispatch({ effects: naming.current.reconfigure(attributes) });
  }, [label]);

  useEffect(() => {
    view.current?.dispatch({ effects: errorOffset === null ? clearMark.of(null) : setMark.of(errorOffset) });
  }, [errorOffset, value]);

  useImperativeHandle(
    handle,
    () => ({
      focus: (offset) => {
        const editor = view.current;
        if (editor === null) return;
        editor.focus();
        if (offset !== undefined) {
          editor.dispatch({ selection: { anchor: Math.min(offset, editor.state.doc.length) }, scrollIntoView: true });
        }
      },
      insert: (text) => {
        const editor = view.current;
        if (editor === null) return;
        editor.dispatch(editor.state.replaceSelection(text));
        editor.focus();
      },
    }),
    [],
  );

  return <div ref={host} />;
}

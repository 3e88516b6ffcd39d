// A mark where the server found an error: the character there, or the end of the text. Typing clears it.
import { StateEffect, StateField, type EditorState } from '@codemirror/state';
import { Decoration, EditorView, WidgetType, type DecorationSet } from '@codemirror/view';

export const setMark = StateEffect.define<number>();
export const clearMark = StateEffect.define<null>();

class EndMark extends WidgetType {
  override toDOM(): HTMLElement {
    const span = document.createElement('span');
    span.className = 'kw-error-end';
    span.textContent = ' ';
    span.setAttribute('aria-hidden', 'true');
    return span;
  }
}

function decorate(state: EditorState, offset: number): DecorationSet {
  const at = Math.min(offset, state.doc.length);
  const word = state.wordAt(at);
  const to = Math.max(word?.to ?? 0, at + 1);
  if (at >= state.doc.length || state.doc.sliceString(at, at + 1) === '\n') {
    return Decoration.set([Decoration.widget({ widget: new EndMark(), side: 1 }).range(at)]);
  }
  return Decoration.set([Decoration.mark({ class: 'kw-error-mark' }).range(at, Math.min(to, state.doc.length))]);
}

export const markedError = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update: (marks, transaction) => {
    for (const effect of transaction.effects) {
      if (effect.is(setMark)) return decorate(transaction.state, effect.value);
      if (effect.is(clearMark)) return Decoration.none;
    }
    return transaction.docChanged ? Decoration.none : marks;
  },
  provide: (field) => EditorView.decorations.from(field),
});

/** Views of a list of things: one a thing, kept as long as the thing is there. */

/** Shows one thing. */
export interface ItemView<Item> {
  /** Its element. */
  readonly root: HTMLElement;
  /** Shows the thing as it is now. */
  update(item: Item): void;
  /** Lets go of what it holds beyond the document. */
  dispose?(): void;
}

/** How the things of a list are told apart and shown. */
export interface KeyedListOptions<Item, ViewType extends ItemView<Item>> {
  /** The element that holds the views. */
  readonly parent: HTMLElement;
  /** What tells a thing from the others. */
  readonly keyOf: (item: Item) => string;
  /** Makes the view of a thing that is new. */
  readonly create: (item: Item) => ViewType;
}

/** Keeps the children of an element in step with a list. */
export class KeyedList<Item, ViewType extends ItemView<Item>> {
  readonly #options: KeyedListOptions<Item, ViewType>;
  #views = new Map<string, ViewType>();

  /** Begins with an empty list; what the element holds stays until the first update. */
  constructor(options: KeyedListOptions<Item, ViewType>) {
    this.#options = options;
  }

  /** Shows a list: new things get a view, gone things lose theirs, the order is the list's. */
  update(items: readonly Item[]): void {
    const { parent, keyOf, create } = this.#options;
    const before = this.#views;
    const views = new Map<string, ViewType>();
    for (const item of items) {
      const view = before.get(keyOf(item)) ?? create(item);
      views.set(keyOf(item), view);
      view.update(item);
    }
    for (const [key, view] of before) if (views.get(key) !== view) view.dispose?.();
    const roots = [...views.values()].map(({ root }) => root);
    const same = roots.length === parent.childNodes.length &&
      roots.every((root, index) => parent.childNodes[index] === root);
    if (!same) parent.replaceChildren(...roots);
    this.#views = views;
  }

  /** The views, in the order of the list. */
  get views(): readonly ViewType[] {
    return [...this.#views.values()];
  }
}

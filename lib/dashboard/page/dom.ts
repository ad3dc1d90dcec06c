/** Helpers for the document. What has not changed is left alone. */

/** Attributes by name. */
export type Attributes = Readonly<Record<string, string>>;

/** Makes an element. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** A name from outside, which cannot change the direction of the text around it; a long one is cut. */
export function nameElement(name: string): HTMLElement {
  return element("bdi", { class: "name", title: name }, name);
}

/** Makes an element of a drawing. */
export function drawing<Tag extends keyof SVGElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
): SVGElementTagNameMap[Tag] {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

/** Sets the text of a node. */
export function setText(node: Node, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

/** Sets an attribute. */
export function setAttribute(node: Element, name: string, value: string): void {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

/** Shows or hides an element. */
export function show(node: HTMLElement, visible: boolean): void {
  if (node.hidden === visible) node.hidden = !visible;
}

/**
 * An element that the HTML of the page has.
 *
 * @throws {Error} When the HTML has none: page and script do not belong together.
 */
export function find<Type extends HTMLElement>(id: string, type: new () => Type): Type {
  const found = document.getElementById(id);
  if (found instanceof type) return found;
  throw new Error(`The page has no ${type.name} "${id}"`);
}

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

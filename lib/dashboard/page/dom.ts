/** Helpers for the document. What has not changed is left alone. */

/** Attributes by name. */
export type Attributes = Readonly<Record<string, string>>;

/** Creates an element. */
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

/** Creates an SVG element. */
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

/** Shows one item. */
export interface ItemView<Item> {
  /** Its element. */
  readonly root: HTMLElement;
  /** Shows its current state. */
  update(item: Item): void;
  /** Releases what it holds besides its element. */
  dispose?(): void;
}

/** How the items of a list are identified and shown. */
export interface KeyedListOptions<Item, ViewType extends ItemView<Item>> {
  /** The element that holds the views. */
  readonly parent: HTMLElement;
  /** The key of an item. */
  readonly keyOf: (item: Item) => string;
  /** Creates the view of a new item. */
  readonly create: (item: Item) => ViewType;
}

/** Keeps the children of an element in sync with a list. */
export class KeyedList<Item, ViewType extends ItemView<Item>> {
  readonly #options: KeyedListOptions<Item, ViewType>;
  #views = new Map<string, ViewType>();

  /** Starts empty; the element keeps its content until the first update. */
  constructor(options: KeyedListOptions<Item, ViewType>) {
    this.#options = options;
  }

  /** Shows a list: adds, removes and orders views. */
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

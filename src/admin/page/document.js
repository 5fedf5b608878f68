// Puts data into the document, as text and never as markup: what is shown comes from requests too.

/** An element with attributes and children; strings become text. */
export function element(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

/** An element of a drawing. */
export function drawing(name, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) set(node, name, value);
  node.append(...children);
  return node;
}

/** Sets an attribute, if it differs. */
export function set(node, name, value) {
  const text = String(value);
  if (node.getAttribute(name) !== text) node.setAttribute(name, text);
}

/** Sets the text of a node without elements, if it differs: most of what is polled does not. */
export function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** The element with an ID. */
export function byId(id) {
  return document.getElementById(id);
}

/** Says something to those who do not see the page. */
export function announce(text) {
  put(byId("announcer"), text);
}

const known = new WeakMap();

/**
 * Makes the children of `parent` (those after `head`, if there is one) show `items`, each with one node that
 * `make` returns as `{node, update}`. A node stays for as long as there is an item with its key.
 */
export function show(parent, items, key, make, head = null) {
  const before = known.get(parent) ?? new Map();
  const after = new Map();
  const rows = items.map((item) => {
    let name = String(key(item));
    while (after.has(name)) name += "\n";
    const row = before.get(name) ?? make(item);
    after.set(name, row);
    row.update(item);
    return row;
  });
  for (const [name, row] of before) if (!after.has(name)) row.node.remove();
  let place = head ? head.nextElementSibling : parent.firstElementChild;
  for (const { node } of rows) {
    if (node === place) place = place.nextElementSibling;
    else parent.insertBefore(node, place);
  }
  known.set(parent, after);
}

/** Whether somebody points into a part of the page or has the focus in it, so that nothing there should move. */
export function isInUse(node) {
  return node.matches(":hover, :focus-within");
}

/** A button that copies a text. */
export function copyButton(text, shown, what) {
  const button = element("button", { type: "button", class: "copy mono", title: text, "aria-label": `Copy ${what} ${text}` }, shown);
  button.addEventListener("click", async () => {
    announce((await copied(text)) ? `${what} copied` : `${what} could not be copied`);
    button.classList.add("done");
    setTimeout(() => button.classList.remove("done"), 1500);
  });
  return button;
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // There is no clipboard without TLS or loopback.
    const area = element("textarea", { class: "unseen", "aria-hidden": "true" });
    const focused = document.activeElement;
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    focused?.focus();
    return done;
  }
}

// Programs on a page that can be changed and run: Python runs in a worker (python.js), the page stays quick.

const here = new URL(".", document.currentScript.src);
let worker;
let count = 0;
const waiting = new Map();

/** Runs a program, and returns what it shows. */
function run(source, say) {
  try {
    worker ??= start();
  } catch {
    return Promise.resolve({ error: "Python cannot be started in a page that was opened from a disk. Serve it: python -m http.server" });
  }
  const id = (count += 1);
  return new Promise((resolve) => {
    waiting.set(id, { resolve, say });
    worker.postMessage({ id, source });
  });
}

function start() {
  const started = new Worker(new URL("python.js", here), { type: "module" });
  started.addEventListener("message", ({ data }) => {
    const { resolve, say } = waiting.get(data.id);
    if (data.doing) return say(data.doing);
    waiting.delete(data.id);
    resolve(data);
  });
  started.addEventListener("error", (event) => stop(`Python could not be started: ${event.message || "its files cannot be loaded"}`));
  return started;
}

/** Ends Python, and with it whatever runs. The next program starts it anew. */
function stop(why) {
  worker?.terminate();
  worker = undefined;
  for (const { resolve } of waiting.values()) resolve({ error: why });
  waiting.clear();
}

/** Shows HTML with its scripts, which `innerHTML` does not run. */
function show(place, html) {
  place.innerHTML = html;
  for (const old of place.querySelectorAll("script")) {
    const fresh = document.createElement("script");
    fresh.textContent = old.textContent;
    old.replaceWith(fresh);
  }
}

function made(tag, properties = {}) {
  return Object.assign(document.createElement(tag), properties);
}

function enliven(cell, number) {
  const source = cell.querySelector("pre").textContent.trim();
  const code = made("textarea", { value: source, spellcheck: false, rows: source.split("\n").length });
  code.setAttribute("aria-label", `Program ${number}`);
  const button = made("button", { type: "button", textContent: "Run" });
  const back = made("button", { type: "button", textContent: "As it was" });
  const status = made("span", { role: "status" });
  const printed = made("pre", { hidden: true });
  const shown = made("div", { className: "gradviz-shown" });
  const bar = made("div", { className: "gradviz-cell-bar" });
  bar.append(button, back, status);
  cell.replaceChildren(code, bar, printed, shown);

  let running = false;
  const go = async () => {
    if (running) return stop("Stopped.");
    running = true;
    button.textContent = "Stop";
    status.textContent = "Running …";
    const told = await run(code.value, (doing) => (status.textContent = doing));
    running = false;
    button.textContent = "Run";
    status.textContent = told.error ? "" : "Done.";
    printed.textContent = [told.printed, told.error].filter(Boolean).join("\n");
    printed.hidden = !printed.textContent;
    show(shown, told.html ?? "");
  };
  button.addEventListener("click", go);
  back.addEventListener("click", () => {
    code.value = source;
    code.rows = source.split("\n").length;
  });
  code.addEventListener("input", () => (code.rows = code.value.split("\n").length));
  code.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !event.shiftKey) return;
    event.preventDefault();
    if (!running) go();
  });
}

[...document.querySelectorAll(".gradviz-cell")].forEach((cell, index) => enliven(cell, index + 1));

// In a frame of another page: says how tall this page is, and looks light or dark as the one around it does.

export function liveInFrame() {
  if (window.parent === window) return;
  const root = document.documentElement;
  root.dataset.framed = "";
  const tell = () => window.parent.postMessage({ gradvizHeight: root.getBoundingClientRect().height }, "*");
  new ResizeObserver(tell).observe(root);
  addEventListener("message", ({ data, source }) => {
    const theme = data?.gradvizTheme;
    if (source === window.parent && (theme === "dark" || theme === "light")) root.setAttribute("theme", theme);
  });
  tell();
}

// Light or dark: what the reader chose here, or else what the system says. The choice is an attribute that base.css reads.
(function chooseTheme() {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  let chosen = null;
  try {
    chosen = window.localStorage.getItem("quire-theme");
  } catch {
    // Storage can be forbidden; then the system's choice holds.
  }
  const show = () => {
    document.documentElement.dataset.theme = chosen ?? (dark.matches ? "dark" : "light");
  };
  show();
  dark.addEventListener("change", show);
  window.addEventListener("quire-theme", () => {
    chosen = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    try {
      window.localStorage.setItem("quire-theme", chosen);
    } catch {
      // Then it holds until the next page load.
    }
    show();
  });
})();

"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const form = $("filters"), search = $("search"), label = $("label"), kind = $("kind");
  const all = [...document.querySelectorAll(".s")];
  const items = all.map((s) => (s.dataset.i || "").split(" ")); // "m2": label 2 was missed
  const words = []; // of each sentence in lower case, once somebody searches
  let shown = all, at = -1; // at: where in shown the reader is

  const plain = (text) => text.normalize("NFC").toLowerCase();

  // Label and kind have to hold of the same item: "PER" and "missed" is a missed PER.
  function wanted(i, query) {
    const hit = (item) => (!kind.value || kind.value.includes(item[0])) && (!label.value || item.slice(1) === label.value);
    if ((kind.value || label.value) && !items[i].some(hit)) return false;
    if (!query) return true;
    words[i] ??= plain(all[i].querySelector("p").textContent);
    return words[i].includes(query);
  }

  function filter() {
    const query = plain(search.value.trim());
    shown = all.filter((s, i) => {
      const want = wanted(i, query);
      if (s.hidden === want) s.hidden = !want;
      return want;
    });
    at = -1;
    $("count").value = `${shown.length} of ${all.length} sentence${all.length === 1 ? "" : "s"}`;
    $("nothing").hidden = shown.length > 0;
  }

  // A sentence that was clicked or tabbed to counts, not where the last key led.
  function here() {
    const focused = document.activeElement.closest(".s");
    return focused && !focused.hidden ? shown.indexOf(focused) : at;
  }

  function step(by) {
    if (!shown.length) return;
    at = Math.min(Math.max(here() + by, 0), shown.length - 1);
    shown[at].focus({ preventScroll: true });
    shown[at].scrollIntoView({ block: "center" });
    $("position").textContent = `sentence ${at + 1} of ${shown.length}`;
  }

  const keys = { j: () => step(1), n: () => step(1), k: () => step(-1), p: () => step(-1), "/": () => search.focus() };

  addEventListener("keydown", (e) => {
    if (e.target === search && e.key === "Escape") return search.blur();
    if (e.ctrlKey || e.metaKey || e.altKey || e.target.matches("input, select, textarea") || !$("keys").checked) return;
    if (!Object.hasOwn(keys, e.key)) return;
    e.preventDefault();
    keys[e.key]();
  });
  $("theme").addEventListener("change", (e) => (document.documentElement.dataset.theme = e.target.value));
  form.addEventListener("input", filter);
  form.addEventListener("reset", () => setTimeout(filter)); // the controls are reset after this event
  form.addEventListener("submit", (e) => e.preventDefault());

  for (const e of document.querySelectorAll(".scripted")) e.hidden = false;
  filter();
})();

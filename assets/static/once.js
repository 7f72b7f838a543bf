// A form is sent once, however often its button is pressed: an impatient second click would put its own answer, that
// everything is done already, in the place of the first.
(() => {
  const PATIENCE = 10_000;
  document.addEventListener('submit', (event) => {
    if (event.defaultPrevented) return;
    const form = event.target;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = 'yes';
    // Whoever stopped the page may try again, and whoever comes back to it.
    setTimeout(() => { delete form.dataset.sent; }, PATIENCE);
  });
  addEventListener('pageshow', (event) => {
    if (event.persisted) for (const form of document.forms) delete form.dataset.sent;
  });
})();

// Registers this browser for push messages when the form's first button is pressed; without JavaScript the page says so.
(() => {
  const form = document.querySelector('form[data-push-key]');
  const able = 'serviceWorker' in navigator && 'PushManager' in window && 'Notification' in window;
  if (!form) return;
  const key = Uint8Array.from(atob(form.dataset.pushKey.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
  // A subscription needs a worker that runs.
  const active = (registration) =>
    new Promise((resolve) => {
      const worker = registration.installing || registration.waiting;
      if (!worker) return resolve();
      worker.addEventListener('statechange', () => worker.state === 'activated' && resolve());
    });
  const subscribe = async () => {
    if (!able) throw new Error('not here');
    if ((await Notification.requestPermission()) !== 'granted') throw new Error('not allowed');
    const registration = await navigator.serviceWorker.register(form.dataset.worker, { scope: form.dataset.scope });
    if (!registration.active) await active(registration);
    const options = { userVisibleOnly: true, applicationServerKey: key };
    try {
      return await registration.pushManager.subscribe(options);
    } catch (error) {
      // One that belongs to another key is in the way.
      const old = await registration.pushManager.getSubscription();
      if (!old) throw error;
      await old.unsubscribe();
      return registration.pushManager.subscribe(options);
    }
  };
  form.addEventListener('submit', async (event) => {
    if (event.submitter && event.submitter.value !== 'continue') return;
    event.preventDefault();
    const failed = form.querySelector('[data-failed]');
    failed.hidden = true;
    try {
      form.elements.namedItem('address').value = JSON.stringify(await subscribe());
      HTMLFormElement.prototype.submit.call(form);
    } catch {
      failed.hidden = false;
    }
  });
})();

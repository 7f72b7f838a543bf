// Passkeys: shows the buttons that need them, and hands the browser's answer to the form. Without JavaScript, or in
// a browser that has no passkeys, those buttons stay hidden.
(() => {
  if (!window.PublicKeyCredential || !navigator.credentials) {
    for (const part of document.querySelectorAll('[data-without-passkeys]')) part.hidden = false;
    return;
  }
  for (const part of document.querySelectorAll('[data-with-passkeys]')) part.hidden = false;
  const form = document.querySelector('form[data-passkey]');
  if (!form) return;

  const bytes = (text) =>
    Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
  const options = JSON.parse(form.dataset.options);
  options.challenge = bytes(options.challenge);
  if (options.user) options.user.id = bytes(options.user.id);
  for (const known of [...(options.allowCredentials || []), ...(options.excludeCredentials || [])]) known.id = bytes(known.id);

  const json = (credential) => {
    const { response } = credential;
    const out = { clientDataJSON: text(response.clientDataJSON) };
    if (response.attestationObject) {
      out.attestationObject = text(response.attestationObject);
      out.transports = response.getTransports ? response.getTransports() : [];
    } else {
      out.authenticatorData = text(response.authenticatorData);
      out.signature = text(response.signature);
      if (response.userHandle) out.userHandle = text(response.userHandle);
    }
    return JSON.stringify({ id: credential.id, rawId: text(credential.rawId), type: credential.type, response: out });
  };

  // The form as if its button had been pressed: the buttons are called "action" too, so the value goes beside them.
  const send = (credential) => {
    const action = document.createElement('input');
    Object.assign(action, { type: 'hidden', name: 'action', value: form.dataset.answer });
    form.append(action);
    form.elements.namedItem('credential').value = json(credential);
    HTMLFormElement.prototype.submit.call(form);
  };

  // Passkeys among the suggestions for the name; at most one question may be open.
  let suggesting;
  const suggest = async () => {
    if (form.dataset.passkey !== 'suggest' || !PublicKeyCredential.isConditionalMediationAvailable) return;
    if (!await PublicKeyCredential.isConditionalMediationAvailable()) return;
    suggesting = new AbortController();
    const { signal } = suggesting;
    try {
      send(await navigator.credentials.get({ publicKey: options, mediation: 'conditional', signal }));
    } catch {
      // Another question took its place, or nobody picked one.
    }
  };

  const ask = async () => {
    const failed = form.querySelector('[data-failed]');
    failed.hidden = true;
    if (suggesting) suggesting.abort();
    try {
      const method = form.dataset.passkey === 'create' ? 'create' : 'get';
      send(await navigator.credentials[method]({ publicKey: options }));
    } catch {
      failed.hidden = false;
      suggest();
    }
  };

  form.addEventListener('submit', (event) => {
    if (!event.submitter || event.submitter.value !== form.dataset.answer) return;
    // Who has typed a name is asked for the keys of that name, which the server knows.
    const name = form.dataset.passkey === 'suggest' && form.elements.namedItem('username').value.trim();
    if (name) return;
    event.preventDefault();
    ask();
  });
  suggest();
})();

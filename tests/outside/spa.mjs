// A public app that lives in the browser, as oidc-client-ts makes one: its page at /notes, the library
// beside it.
import fs from 'node:fs';
import { createRequire } from 'node:module';

const library = fs.readFileSync(createRequire(import.meta.url).resolve('oidc-client-ts').replace(/dist\/.*$/, 'dist/browser/oidc-client-ts.min.js'));

const html = `<!doctype html><meta charset="utf-8"><title>Notes</title>
<p id="state"></p><button id="sign-in">Sign in</button><button id="sign-out">Sign out</button>
<script src="/notes/oidc-client-ts.js"></script><script src="/notes/app.js"></script>`;

const script = ({ issuer, id, origin }) => `
const manager = new oidc.UserManager({
  authority: ${JSON.stringify(issuer)}, client_id: ${JSON.stringify(id)}, redirect_uri: '${origin}/notes/callback', post_logout_redirect_uri: '${origin}/bye',
  scope: 'openid profile email offline_access', loadUserInfo: true, automaticSilentRenew: false, revokeTokensOnSignout: true,
});
const tell = (id, text) => document.body.append(Object.assign(document.createElement('p'), { id, textContent: text }));
document.getElementById('sign-in').onclick = () => manager.signinRedirect();
document.getElementById('sign-out').onclick = () => manager.signoutRedirect({ state: 'bye' });
if (location.pathname === '/notes/callback') manager.signinRedirectCallback().then(async (user) => {
  const again = await manager.signinSilent();
  const rotated = again.access_token !== user.access_token && again.refresh_token !== user.refresh_token;
  tell('refreshed', rotated ? 'refreshed and rotated' : 'the same tokens again');
  tell('done', 'signed in as ' + again.profile.preferred_username);
}).catch((error) => tell('error', String(error)));
`;

export function spaPage(app) {
  const files = {
    '/notes': ['text/html; charset=utf-8', html],
    '/notes/callback': ['text/html; charset=utf-8', html],
    '/notes/app.js': ['text/javascript', script(app)],
    '/notes/oidc-client-ts.js': ['text/javascript', library],
  };
  return (pathname) => files[pathname];
}

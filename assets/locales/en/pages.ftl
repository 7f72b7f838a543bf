# Around every page
language = Language
help = Need help?
help-at = Need help? Ask { $contact }

# Signing in
sign-in = Sign in
to-continue = to continue to { $app }
username = Username
password = Password
signed-in-as = Signed in as { $user }
other-account = Use another account
passkey-add-first = No passkey yet? Add one to your account first.

# Asking for the password again
confirm-title = Please confirm it is you
confirm-lead = { $app } asks you to enter your password again.
confirm = Confirm
not-you = Not you? Use another account

# Which account
choose-title = Choose an account
continue-as = Continue as { $user }

# Getting an account
register-offer = Create an account
register-title = Create an account
register-name = Full name
register-optional = (optional)
register-email = Email address
register-password-again = Password again
register = Create the account
register-instead = I have an account
registered-title = Please look into your mailbox
registered-lead = We sent a letter to { $email }.
registered-next = Open the link in it within 24 hours, best in this browser: then you go on from here. If nothing arrives, look among the unwanted mail or register again.
activate-title = Make your account
activate-lead = The account { $user } is nearly there.
activate-username = Somebody else has this name meanwhile. Please choose another one.
activate-password = This is not the browser you registered in. Please enter the password you chose there.
activate = Make the account
activate-not-you = You did not register? Then close this page: there will be no account.
activated-title = Your account is there
activated-lead = Sign in as { $user } with the password you chose.

# Consent
consent-title = Allow { $app } to use your account?
consent-scopes = { $app } would like to:
consent-return = After this you go to { $host }.
consent-return-here = After this you go to a program on this device.
allow = Allow
deny = Do not allow
scope-openid = Recognise you when you come back
scope-profile = See your name and username
scope-email = See your email address
scope-groups = See which groups you are in
scope-roles = See which roles you have
scope-offline-access = Keep this access while you are away
scope-address = See your postal address
scope-phone = See your phone number
scope-other = Use the permission “{ $scope }”

# Devices
device-title = Connect a device
device-lead = Enter the code that your device shows.
device-code = Code
device-phone = Or scan this with a phone to go on there:
device-qr = QR code with the address of this page
device-consent-title = Sign in { $app } on your device?
device-compare = Your device must show this code: { $code }
device-warning = Did somebody send you this code or this link? Then do not allow it: they would be signed in as you.
device-done-title = Your device is connected
device-done-lead = You can close this page and go on with { $app } on your device.
device-denied-title = Your device was not connected
device-denied-lead = { $app } did not get access to your account. You can close this page.

# Second factors
later = Not now
other-method = Another way
method-title = How do you want to prove it is you?
to-continue-note = You will continue to { $app }.
enrol-title = Set up an authenticator app
enrol-lead = { $app } asks for a second proof beside your password.
enrol-scan = Scan this picture with your authenticator app.
enrol-qr = QR code with the key for your authenticator app
enrol-open = Open it in the app on this device
enrol-type = Or type this key:
enrol-form = With this hash, number of digits and period:
enrol-code = Then enter the digits it shows
codes-title = Keep these recovery codes
codes-lead = Each signs you in once when your phone or key is not at hand. They are not shown again.
codes-kept = I have kept them

# Home
welcome = Hello, { $name }
your-apps = Your apps
no-apps = There are no apps for you here yet.
sign-out = Sign out

# Signing out
sign-out-title = Do you want to sign out?
sign-out-asked = { $app } asks to sign you out.
stay = Stay signed in
signed-out-title = You are signed out
signed-out-lead = On a shared computer, please close all browser windows too.
back-to = Back to { $app }
back = Go back
sign-in-again = Sign in again

# Going back to the app
form-post-title = One moment …
form-post-lead = You are on your way back to { $app }. If nothing happens, please press the button.
continue = Continue

# A person's own account
account-title = Your account
account-password = Password
account-change-password = Change the password
account-factors = Second proofs
account-no-factors = There is none yet: whoever knows your password can sign in as you.
account-added = Added { $when }
account-used = last used { $when }
account-unused = not used yet
account-sessions = Where you are signed in
account-this-session = this browser
account-end-session = Sign out there
remove = Remove
remove-title = Remove this proof?
remove-lead = You will not be able to sign in with it any more.
keep = Keep it
rename = Rename
rename-lead = It is called { $name }.
rename-field = New name
new-password-title = Choose a new password
new-password-lead = You will be signed out everywhere else.
new-password = New password
new-password-again = The same again
save = Save
cancel = Cancel

# Being let in from elsewhere
sign-in-by-phone = Sign in with your phone
scan-qr = QR code with the address to open on your phone
scan-type = Or open this address there:
approve-title = Is it you who signs in?
approve-lead = Somebody wants to sign in to { $app } as you.
approve-pick = Which number does the other screen show?
approve-deny = It is not me
approve-warning = Pick a number only if you have just started this yourself. Nobody may ask you for it.
approved-title = Done
approved-lead = Go on at the other screen. You can close this page.
not-approved-title = Nobody was let in
not-approved-lead = If somebody else tried to sign in as you, please change your password.

# Codes and links that are sent
sign-in-by-link = Mail me a link
wait-number = Then pick this number there:
wait-done = I have done that
send = Send
nothing-sent = Nothing has been sent yet.
send-again = Send it again
another-qr = Show another code
contact-sent = A code was sent to { $to }.
contact-code = Six-digit code
contact-again = Another address
contact-topic = Subscribe to this topic in your push app, then press the button: a code will arrive there.

# Errors
reference = Reference
details = Details from the app

# A browser that is trusted
trust-title = Trust this browser?
trust-lead = If only you use it, you will be asked less often here. Do not trust a browser that others use.
trust-yes = Trust it
trust-no = Not now

# A sign-in that somebody did not make
not-me-title = Was this not you?
not-me-lead = Ends this sign-in and everything that apps got by it. The browser is not known any more.
not-me-end = It was not me, end it
not-me-done-title = It has ended
not-me-done = Please change your password now: whoever it was may know it.

account-devices = Browsers you have used
account-device-trusted = trusted
account-device-forget = Forget

# Break-glass codes
break-glass-title = Emergency access
break-glass-lead = For administrators who cannot get in otherwise. Each code works once, and the administrators are told.
break-glass-code = Break-glass code

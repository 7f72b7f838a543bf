# Letters and short messages. `subject` never holds a code: it is shown on locked screens.

mail-sign-in-code =
    This is your code for { $app }. It is good for { $count ->
        [one] { $count } minute.
       *[other] { $count } minutes.
    }
    .subject = Your code for { $app }
mail-address-code =
    Enter this code on the page of { $org } to prove that this address is yours. It is good for { $count ->
        [one] { $count } minute.
       *[other] { $count } minutes.
    }
    .subject = Please confirm this address for { $org }
mail-sign-in-link =
    Somebody is signing in to { $app } as you. If it is you, open this link and pick the number that stands where you sign in. The link is good for { $count ->
        [one] { $count } minute.
       *[other] { $count } minutes.
    }
    .subject = Is this you signing in to { $app }?
mail-magic-link =
    Open this link to sign in to { $app }. It works once, within { $count ->
        [one] { $count } minute.
       *[other] { $count } minutes.
    }
    .subject = Your link for { $app }
mail-credential-changed = Something about your account at { $org } has changed: { $what }.
    .subject = A change of your account at { $org }
mail-new-sign-in = Your account at { $org } was used from a device or a place that we have not seen before.
    .subject = New sign-in at { $org }
mail-device-limit =
    Somebody signed in, or tried to, with your account at { $org } on a new device. You have registered { $count ->
        [one] { $count } device, which is as many as are allowed.
       *[other] { $count } devices, which is as many as are allowed.
    }
    .subject = One device more at { $org }
mail-admin-alert = A policy of { $org } reports: { $what }
    .subject = Report about a sign-in at { $org }
mail-activation =
    Somebody, hopefully you, wants an account at { $org } with this address. Open this link to make it. It works once, within { $count ->
        [one] { $count } hour.
       *[other] { $count } hours.
    }
    .subject = Your account at { $org }
mail-registered-already =
    Somebody, perhaps you, wanted a new account at { $org } with this address. It has one already, and nothing was changed. You can sign in here:
    .subject = You have an account at { $org }
mail-test = This is a test. Mail from { $org } arrives.
    .subject = Test mail from { $org }

mail-fact-time = Time: { $value }
mail-fact-passkey = Passkey: { $value }
mail-fact-token = Token: { $value }
mail-fact-device = Device: { $value }
mail-fact-address = Network address: { $value }
mail-fact-place = Place: { $value }
mail-fact-person = Person: { $value }

mail-never-tell = Tell it to nobody, not even to us. If you are not signing in right now, somebody else may know your password: change it.
mail-not-asked = If you did not ask for this, there is nothing to do.
mail-not-registered = If it was not you, do nothing: there will be no account.
mail-not-you-deny = If it is not you, open the link and deny it, then change your password.
mail-not-you-help = If this was not you, change your password and tell the people who look after your account.
mail-not-you-end = If this was not you, open { $url } to end that session, then change your password.
mail-remove-device = To make room, remove a device that you do not use any more: { $url }

mail-signature = { $org }
mail-signature-support =
    { $org }
    Questions: { $support }

mail-what-password-changed = the password was changed
mail-what-password-reset = the password was set anew
mail-what-authenticator-added = an authenticator app was added
mail-what-authenticator-removed = an authenticator app was removed
mail-what-passkey-added = a passkey was added
mail-what-passkey-renamed = a passkey was given another name
mail-what-passkey-removed = a passkey was removed
mail-what-passkey-suspected = a passkey was used that may have been copied; unless you know why, remove it and add it again
mail-what-token-added = a hardware token was added
mail-what-token-removed = a hardware token was removed
mail-what-device-copied = a browser that you trusted was copied or restored; it is not trusted any more
mail-what-recovery-codes-made = new recovery codes were made, the old ones are void
mail-what-recovery-codes-removed = the recovery codes were removed
mail-what-recovery-code-used = a recovery code was used
mail-what-questions-changed = the security questions were changed
mail-what-grid-card-made = a new grid card was made
mail-what-grid-card-removed = the grid card was removed
mail-what-address-added = an alternate e-mail address was added
mail-what-address-removed = an alternate e-mail address was removed
mail-what-phone-added = a phone number was added
mail-what-phone-removed = a phone number was removed
mail-what-push-added = a device for push messages was added
mail-what-push-renamed = a device for push messages was given another name
mail-what-push-removed = a device for push messages was removed
mail-what-factors-reset = an administrator removed all second factors

short-code =
    { $code } is your code for { $app }, good for { $count ->
        [one] { $count } minute.
       *[other] { $count } minutes.
    } Tell it to nobody.
spoken-code = Hello. Your code for { $app } is { $code }. Once more: { $code }. Goodbye.
short-link =
    Sign-in to { $app }. If it is you, open this and pick the number that stands where you sign in, within { $count ->
        [one] { $count } minute:
       *[other] { $count } minutes:
    } { $url }
push-question-title = Sign-in to { $app }
push-question-text = Is it you? Touch this and pick the number you see there.
short-test = A test message from { $org }.

mail-odd-refused = a sign-in was refused
mail-odd-device-limit = somebody signed in with one device more than is allowed
mail-odd-new = somebody signed in with a new device or from a new place
mail-odd-break-glass = somebody signed in with a break-glass code

# Sentences about what happened. The title is the heading of a page that shows nothing else.

wrong-credentials = This username and password do not match. Please try again.
    .title = Sign-in failed
missing-fields = Please enter your username and your password.
    .title = Something is missing
too-many-attempts =
    Too many attempts. Please try again in { $seconds ->
        [one] { $seconds } second.
       *[other] { $seconds } seconds.
    }
    .title = Please wait a moment
too-many-attempts-minutes =
    Too many attempts. Please try again in { $minutes ->
        [one] { $minutes } minute.
       *[other] { $minutes } minutes.
    }
too-many-attempts-hours =
    Too many attempts. Please try again in { $hours ->
        [one] { $hours } hour.
       *[other] { $hours } hours.
    }
session-ended = Your session has ended. Please sign in again.
    .title = Your session has ended
flow-expired = This sign-in took too long or was finished already. Please start again from the app.
    .title = Please start again
not-allowed = Your account does not have access to { $app }. If it should, ask the people who look after it.
    .title = No access to { $app }
bad-form = The form could not be read. Please go back and try again.
    .title = Please try again
cookies-missing = Your browser did not send the cookie that keeps this sign-in together. Please allow cookies for this site and start again.
    .title = Cookies are needed
unknown-app = The app that sent you here is not registered with us.
    .title = We do not know this app
unknown-return-address = The app wants to send you to an address that is not registered for it. To keep your account safe, we stopped here.
    .title = We stopped this sign-in
bad-request = The app sent a request that we cannot answer.
    .title = The app made a mistake
busy = A lot is going on right now. Please try again in a moment.
    .title = Please try again shortly
not-found = There is nothing at this address. Perhaps the link is old or was cut off.
    .title = Page not found
unexpected = Something went wrong on our side. Please try again.
    .title = Something went wrong
unknown-device-code = No device waits with this code. Please compare it with your device, or start again there.
    .title = We do not know this code
wrong-code = This code is wrong, too old or was used already. Please enter the one that is shown now.
    .title = The code is not right
password-too-short = A password needs at least { $least } characters.
    .title = Too short
passwords-differ = The two passwords are not the same. Please type the new one twice.
    .title = Not the same
still-waiting = Nobody has answered yet. Please pick the number on your phone first.
    .title = Still waiting
denied = You were not let in: the answer was no, or took too long. Please try again.
    .title = Not let in
question-gone = There is nothing to answer here any more. Please start again at the other screen.
    .title = Answered already, or too old
sign-in-first = Please sign in on this device first, then scan the code again.
    .title = You are not signed in here
not-sent = It could not be sent. Please try again in a moment, or choose another way.
    .title = Not sent
unreachable = Nobody can be reached there. Please write a mail address in full, or a phone number with its country, such as +49 30 123456.
    .title = Not an address
bad-answers = These answers cannot be taken. Each needs three letters or more, and must not be your name, your address, a question or another answer.
    .title = Other answers, please
wrong-passkey = This passkey was not accepted. Please try again, or choose another way.
    .title = The passkey was not accepted
key-unverified = This passkey or security key did not ask for a PIN, a finger or a face, and must do so here. Set up a PIN for it, or choose another way.
    .title = The passkey did not check who uses it
key-not-taken = This kind of passkey or security key is not taken here, or did not say what it is. Please use another one, or ask the people who look after your account which are.
    .title = This kind is not taken
key-suspected = There may be a copy of this passkey, so it is not enough here. Please prove in another way that it is you.
    .title = The passkey may have been copied
no-means = This app asks for a second proof, and none of yours can be used here any more. Please ask the people who look after it.
    .title = A second proof is missing
not-from-network = { $app } is not open from this network. Please try again from your usual place, or ask the people who look after it.
    .title = { $app } is not open here
not-from-place = { $app } is not open from where you seem to be. If you are somewhere else, ask the people who look after it.
    .title = { $app } is not open here
not-at-this-time = { $app } is not open at this time. Please try again later, or ask the people who look after it.
    .title = { $app } is not open now
not-as-usual = This sign-in is unlike your usual ones, and could not be confirmed. Please use a browser that you have used before, or ask the people who look after { $app }.
    .title = This is not like you
not-one-device-more = You have registered as many devices as you may. Please use one of them, or remove one that you do not use any more from your account.
    .title = One device too many
field-missing = Something is missing. Please fill in everything that is not optional.
    .title = Something is missing
bad-username = A username has 1 to 64 letters a to z, digits, dots, - or _, and is not one of the chat’s own words. Please choose another one.
    .title = Another username, please
username-taken = Somebody else has this username. Please choose another one.
    .title = This username is taken
bad-email = Please write your email address in full, such as name@example.org.
    .title = Not an email address
email-not-allowed = Accounts are for email addresses at { $domains }.
    .title = This address gets no account
bad-field = This does not fit: { $label }. Please correct it.
    .title = Please correct it
letter-not-sent = The letter could not be sent just now, so nothing was kept. Please try again in a few minutes.
    .title = Not sent
registration-gone = This link is too old, was used already, or its address has an account. Please sign in, or register again.
    .title = This link leads nowhere
wrong-chosen-password = This is not the password that was chosen at registration. Please try again.
    .title = Not the password

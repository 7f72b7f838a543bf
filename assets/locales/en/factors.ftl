# Ways to prove a second factor: the name of each, and its page's heading, sentence and field.

totp-name = Authenticator app
totp-add = Set up an authenticator app
totp-title = Enter your code
totp-lead = Your authenticator app shows it.
totp-field = Code from the app

recovery-code-name = Recovery code
recovery-code-title = Enter a recovery code
recovery-code-lead = One of the codes that you kept when you set up your second factor.
recovery-code-field = Recovery code

recovery-codes-name = Recovery codes
recovery-codes-add = New recovery codes

qr-title = Sign in with your phone
qr-lead = Scan this with a phone on which you are signed in here.

magic-link-title = Look at your mail
magic-link-lead = If there is an account of this name with a mail address, a link is on its way to it. It is good for five minutes.

push-name = Push message
push-add = Set up push messages
push-title = Look at your phone
push-lead = A push message with a link is on its way. It is good for five minutes.

web-push-name = Push message to a browser or a phone
web-push-add = Add this browser for push messages
web-push-title = Look at your browsers and phones
web-push-lead = A push message is on its way to those you have added. Touch it, and pick the number that is shown here.
web-push-ask = When you press the button, your browser asks whether it may show messages. Then a code arrives in one.
web-push-failed = Your browser did not allow it, or cannot do it. Look at its settings for this site, or choose another way.
web-push-script = Push messages need JavaScript. Please switch it on, or choose another way.
web-push-here = this browser
web-push-rename-title = Rename this browser

email-link-name = Link by mail
email-link-title = Look at your mail
email-link-lead = A link is on its way to the address of your account. It is good for five minutes.

sms-link-name = Link by text message
sms-link-title = Look at your phone
sms-link-lead = A text message with a link is on its way. It is good for five minutes.

rocketchat-link-name = Link in Rocket.Chat
rocketchat-link-title = Look at Rocket.Chat
rocketchat-link-lead = A direct message with a link is on its way to you there. It is good for five minutes.

rocketchat-code-name = Code in Rocket.Chat
rocketchat-code-title = Enter the code from Rocket.Chat
rocketchat-code-lead = A direct message with a code goes to you there. It is good for ten minutes.
rocketchat-code-field = Six-digit code

email-code-name = Code by mail
email-code-title = Enter the code from your mail
email-code-lead = A code goes to the address of your account. It is good for ten minutes.
email-code-field = Six-digit code

alternate-email-code-name = Code to the other mail address
alternate-email-code-title = Enter the code from your mail
alternate-email-code-lead = A code goes to your other address. It is good for ten minutes.
alternate-email-code-field = Six-digit code

sms-code-name = Code by text message
sms-code-title = Enter the code from your phone
sms-code-lead = A text message with a code goes to your phone. It is good for ten minutes.
sms-code-field = Six-digit code

email-and-sms-code-name = Codes by mail and text message
email-and-sms-code-title = Enter both codes
email-and-sms-code-lead = One code goes to the address of your account, another one to your phone. They are good for ten minutes.
email-and-sms-code-field = Code from the mail
email-and-sms-code-field-two = Code from the text message

voice-code-name = Code by phone call
voice-code-title = Enter the code from the call
voice-code-lead = Your phone will ring, and a voice says the code. It is good for ten minutes.
voice-code-field = Six-digit code

alternate-email-name = Other mail address
alternate-email-add = Add another mail address
alternate-email-field = Mail address

phone-name = Phone
phone-add = Add a phone
phone-field = Phone number with country, such as +49 30 123456

hardware-token-name = Token with a display
hardware-token-title = Enter the code of your token
hardware-token-lead = Press the button of your token, or read what it shows. If it is refused although it is right, enter two codes in a row.
hardware-token-field = Code

yubikey-name = YubiKey
yubikey-title = Touch your YubiKey
yubikey-lead = Put the cursor into the field and touch the key: it types for you.
yubikey-field = One-time password

grid-name = Grid card
grid-add = Print a grid card
grid-title = Look at your grid card
grid-lead = Enter what stands in these cells.
grid-print = Print this card and keep it. It is not shown again; a new one replaces it.
grid-kept = I have printed it

kba-name = Security questions and a code by mail
kba-add = Choose security questions
kba-title = Answer two questions
kba-lead = And enter the code that goes to the address of your account.
kba-choose = Choose three questions, or write your own. Two of them are asked, together with a code by mail.
kba-choose-listed = Choose three questions. Two of them are asked, together with a code by mail.
kba-question = Question
kba-answer = Answer
kba-question-school = What was the name of your first teacher?
kba-question-street = Which street did you live in as a child?
kba-question-friend = What was your best friend at school called?
kba-question-job = Where did you earn your first money?
kba-question-dish = Which dish did you not like as a child?

radius-name = One-time password
radius-title = Enter your one-time password
radius-lead = What your token or your app shows, with its PIN if it has one.
radius-field = One-time password

passkey-name = Passkey or security key
passkey-add = Add a passkey
passkey-title = Use your passkey
passkey-lead = Your browser asks for your finger, your face, your PIN or your security key.
passkey-rename-title = Rename this passkey
passkey-of = For { $user }
passkey-confirm = Confirm with a passkey
passkey-missing = This browser has no passkeys. Please choose another way.
passkey-field = Name for this passkey
passkey-sign-in = Sign in with a passkey
passkey-failed = That did not work. Press the button to try again.
passkey-script = Passkeys need JavaScript. Please switch it on, or choose another way.

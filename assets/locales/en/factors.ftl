# Ways to prove a second factor: the name of each, and its page's heading, sentence and field.

totp-name = Authenticator app
totp-add = Set up an authenticator app
totp-title = Enter your code
totp-lead = Your authenticator app shows it.
totp-field = Six-digit code

recovery-code-name = Recovery code
recovery-code-title = Enter a recovery code
recovery-code-lead = One of the codes that you kept when you set up your second factor.
recovery-code-field = Recovery code

recovery-codes-name = Recovery codes
recovery-codes-add = New recovery codes

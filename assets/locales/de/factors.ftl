# Arten, einen zweiten Faktor nachzuweisen: der Name, und Überschrift, Satz und Feld der Seite.

totp-name = Authenticator-App
totp-add = Authenticator-App einrichten
totp-title = Code eingeben
totp-lead = Ihre Authenticator-App zeigt ihn an.
totp-field = Code aus der App

recovery-code-name = Wiederherstellungs{"\u00AD"}code
recovery-code-title = Wiederherstellungs{"\u00AD"}code eingeben
recovery-code-lead = Einer der Codes, die Sie beim Einrichten Ihres zweiten Faktors aufbewahrt haben.
recovery-code-field = Wiederherstellungs{"\u00AD"}code

recovery-codes-name = Wiederherstellungs{"\u00AD"}codes
recovery-codes-add = Neue Wiederherstellungs{"\u00AD"}codes

qr-title = Mit dem Telefon anmelden
qr-lead = Scannen Sie dies mit einem Telefon, auf dem Sie hier angemeldet sind.

magic-link-title = Sehen Sie in Ihre Mail
magic-link-lead = Wenn es ein Konto dieses Namens mit einer Mailadresse gibt, ist ein Link dorthin unterwegs. Er gilt fünf Minuten.

push-name = Push-Nachricht
push-add = Push-Nachrichten einrichten
push-title = Sehen Sie auf Ihr Telefon
push-lead = Eine Push-Nachricht mit einem Link ist unterwegs. Er gilt fünf Minuten.

web-push-name = Push-Nachricht an Browser oder Telefon
web-push-add = Diesen Browser für Push-Nachrichten einrichten
web-push-title = Sehen Sie auf Ihre Browser und Telefone
web-push-lead = Eine Push-Nachricht ist unterwegs an alle, die Sie eingerichtet haben. Tippen Sie darauf und wählen Sie die Zahl, die hier steht.
web-push-ask = Wenn Sie den Knopf drücken, fragt Ihr Browser, ob er Nachrichten zeigen darf. Dann kommt in einer ein Code an.
web-push-failed = Ihr Browser hat es nicht erlaubt oder kann es nicht. Sehen Sie in seine Einstellungen für diese Seite, oder wählen Sie einen anderen Weg.
web-push-script = Push-Nachrichten brauchen JavaScript. Bitte schalten Sie es ein, oder wählen Sie einen anderen Weg.
web-push-here = diesen Browser
web-push-rename-title = Browser umbenennen

email-link-name = Link per Mail
email-link-title = Sehen Sie in Ihre Mail
email-link-lead = Ein Link ist unterwegs an die Adresse Ihres Kontos. Er gilt fünf Minuten.

sms-link-name = Link per SMS
sms-link-title = Sehen Sie auf Ihr Telefon
sms-link-lead = Eine SMS mit einem Link ist unterwegs. Er gilt fünf Minuten.

rocketchat-link-name = Link in Rocket.Chat
rocketchat-link-title = Sehen Sie in Rocket.Chat nach
rocketchat-link-lead = Eine Direktnachricht mit einem Link ist dort an Sie unterwegs. Er gilt fünf Minuten.

rocketchat-code-name = Code in Rocket.Chat
rocketchat-code-title = Code aus Rocket.Chat eingeben
rocketchat-code-lead = Eine Direktnachricht mit einem Code geht dort an Sie. Er gilt zehn Minuten.
rocketchat-code-field = Sechsstelliger Code

email-code-name = Code per Mail
email-code-title = Code aus der Mail eingeben
email-code-lead = Ein Code geht an die Adresse Ihres Kontos. Er gilt zehn Minuten.
email-code-field = Sechsstelliger Code

alternate-email-code-name = Code an die andere Mailadresse
alternate-email-code-title = Code aus der Mail eingeben
alternate-email-code-lead = Ein Code geht an Ihre andere Adresse. Er gilt zehn Minuten.
alternate-email-code-field = Sechsstelliger Code

sms-code-name = Code per SMS
sms-code-title = Code vom Telefon eingeben
sms-code-lead = Eine SMS mit einem Code geht an Ihr Telefon. Er gilt zehn Minuten.
sms-code-field = Sechsstelliger Code

email-and-sms-code-name = Codes per Mail und SMS
email-and-sms-code-title = Beide Codes eingeben
email-and-sms-code-lead = Ein Code geht an die Adresse Ihres Kontos, ein anderer an Ihr Telefon. Sie gelten zehn Minuten.
email-and-sms-code-field = Code aus der Mail
email-and-sms-code-field-two = Code aus der SMS

voice-code-name = Code per Anruf
voice-code-title = Code aus dem Anruf eingeben
voice-code-lead = Ihr Telefon klingelt, und eine Stimme sagt den Code. Er gilt zehn Minuten.
voice-code-field = Sechsstelliger Code

alternate-email-name = Andere Mailadresse
alternate-email-add = Andere Mailadresse hinzufügen
alternate-email-field = Mailadresse

phone-name = Telefon
phone-add = Telefon hinzufügen
phone-field = Telefonnummer mit Landesvorwahl, etwa +49 30 123456

hardware-token-name = Token mit Anzeige
hardware-token-title = Code Ihres Tokens eingeben
hardware-token-lead = Drücken Sie auf Ihren Token oder lesen Sie ab, was er zeigt. Wird der richtige Code abgelehnt, geben Sie zwei hintereinander ein.
hardware-token-field = Code

yubikey-name = YubiKey
yubikey-title = YubiKey berühren
yubikey-lead = Setzen Sie den Cursor in das Feld und berühren Sie den Schlüssel: Er tippt für Sie.
yubikey-field = Einmalpasswort

grid-name = Gitterkarte
grid-add = Gitterkarte drucken
grid-title = Sehen Sie auf Ihre Gitterkarte
grid-lead = Geben Sie ein, was in diesen Feldern steht.
grid-print = Drucken Sie diese Karte und bewahren Sie sie auf. Sie wird nicht noch einmal gezeigt; eine neue ersetzt sie.
grid-kept = Ich habe sie gedruckt

kba-name = Sicherheitsfragen und Code per Mail
kba-add = Sicherheitsfragen wählen
kba-title = Beantworten Sie zwei Fragen
kba-lead = Und geben Sie den Code ein, der an die Adresse Ihres Kontos geht.
kba-choose = Wählen Sie drei Fragen oder schreiben Sie eigene. Zwei davon werden gefragt, zusammen mit einem Code per Mail.
kba-choose-listed = Wählen Sie drei Fragen. Zwei davon werden gestellt, zusammen mit einem Code per Mail.
kba-question = Frage
kba-answer = Antwort
kba-question-school = Wie hieß Ihre erste Lehrerin oder Ihr erster Lehrer?
kba-question-street = In welcher Straße haben Sie als Kind gewohnt?
kba-question-friend = Wie hieß Ihre beste Freundin oder Ihr bester Freund in der Schule?
kba-question-job = Wo haben Sie Ihr erstes Geld verdient?
kba-question-dish = Welches Gericht mochten Sie als Kind nicht?

radius-name = Einmalpasswort
radius-title = Einmalpasswort eingeben
radius-lead = Was Ihr Token oder Ihre App zeigt, gegebenenfalls mit der PIN.
radius-field = Einmalpasswort

passkey-name = Passkey oder Sicherheitsschlüssel
passkey-add = Passkey hinzufügen
passkey-title = Verwenden Sie Ihren Passkey
passkey-lead = Ihr Browser fragt nach Finger, Gesicht, PIN oder Sicherheitsschlüssel.
passkey-rename-title = Passkey umbenennen
passkey-of = Für { $user }
passkey-confirm = Mit Passkey bestätigen
passkey-missing = Dieser Browser hat keine Passkeys. Bitte wählen Sie einen anderen Weg.
passkey-field = Name für diesen Passkey
passkey-sign-in = Mit Passkey anmelden
passkey-failed = Das hat nicht geklappt. Drücken Sie den Knopf, um es noch einmal zu versuchen.
passkey-script = Passkeys brauchen JavaScript. Bitte schalten Sie es ein oder wählen Sie einen anderen Weg.

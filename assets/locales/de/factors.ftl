# Arten, einen zweiten Faktor nachzuweisen: der Name, und Überschrift, Satz und Feld der Seite.

totp-name = Authenticator-App
totp-add = Authenticator-App einrichten
totp-title = Code eingeben
totp-lead = Ihre Authenticator-App zeigt ihn an.
totp-field = Sechsstelliger Code

recovery-code-name = Wiederherstellungscode
recovery-code-title = Wiederherstellungscode eingeben
recovery-code-lead = Einer der Codes, die Sie beim Einrichten Ihres zweiten Faktors aufbewahrt haben.
recovery-code-field = Wiederherstellungscode

recovery-codes-name = Wiederherstellungscodes
recovery-codes-add = Neue Wiederherstellungscodes
